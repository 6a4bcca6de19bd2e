"""Images as examples that networks of files are asked about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from scalegmn.errors import ArchitectureError, ConfigurationError
from scalegmn.images import ImageSet, load_images
from scalegmn.networks import Architecture
from scalegmn.zoo.cnns import check_image_size, network_inputs, unit_pixels

_MIDDLE: Final = 0.5


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ImageExamples:
    """Images as networks read them.

    Attributes:
        learned: that channels are matched by, ``(n, *features)``; their labels are not looked at.
        tested: that networks are measured on, ``(m, *features)``.
        labels: of those, ``(m,)``.
    """

    learned: Tensor
    tested: Tensor
    labels: Tensor


def add_image_options(parser: ArgumentParser) -> None:
    """Which images, and how networks take them."""
    parser.add_argument(
        "--images",
        type=str | None,
        default=None,
        help="source of images, such as fashion_mnist, an .npz file or a folder",
    )
    parser.add_argument(
        "--image-limit", type=int, default=2000, help="use at most so many images of each split"
    )
    parser.add_argument(
        "--pixel-mean", type=float, default=_MIDDLE, help="is subtracted from pixels from 0 to 1"
    )
    parser.add_argument("--pixel-deviation", type=float, default=_MIDDLE, help="they are divided by it then")


def image_examples(options: Namespace, architecture: Architecture) -> ImageExamples | None:
    """The images that the options name, reduced to the size that the networks read; None without any.

    Raises:
        ConfigurationError: an option is out of range, or the networks do not read images of this kind.
        ImageSourceError: there are no such images.
    """
    if options.images is None:
        return None
    if options.image_limit < 1:
        raise ConfigurationError(f"--image-limit is {options.image_limit}, expected 1 or more")
    if not 0 < options.pixel_deviation < math.inf:
        raise ConfigurationError(f"--pixel-deviation is {options.pixel_deviation}, expected more than 0")
    if not math.isfinite(options.pixel_mean):
        raise ConfigurationError(f"--pixel-mean is {options.pixel_mean}, expected a finite number")
    images = load_images(options.images)
    if images.classes > architecture.num_outputs:
        raise ConfigurationError(
            f"--images {options.images}: has {images.classes} classes, and the networks have "
            f"{architecture.num_outputs} outputs; expected one for each class at least"
        )
    places = {name: np.flatnonzero(images.split == name)[: options.image_limit] for name in ("train", "test")}
    chosen = {name: images.subset(found) for name, found in places.items() if len(found)}
    if len(chosen) < len(places):
        raise ConfigurationError(f"--images {options.images}: has no training images, or no test images")
    learned, tested = (_inputs(chosen[name], options, architecture) for name in places)
    return ImageExamples(learned=learned, tested=tested, labels=torch.from_numpy(chosen["test"].labels))


def _inputs(images: ImageSet, options: Namespace, architecture: Architecture) -> Tensor:
    shape = _shape(images, architecture)
    if len(shape) == 3 and shape[0] in (1, images.channels) and shape[1] == shape[2]:
        channels, size = shape[0], shape[1]
    elif len(shape) == 1 and shape[0] in (np.prod(images.size), images.channels * np.prod(images.size)):
        channels, size = shape[0] // int(np.prod(images.size)), images.size[0]
    else:
        raise ConfigurationError(
            f"--images {options.images}: images of {images.channels} channels and "
            f"{images.size[0]} x {images.size[1]} pixels are given to networks that read examples of shape "
            f"{shape}, expected square images of so many channels, or all their pixels"
        )
    check_image_size(images, size)
    reduced = network_inputs(
        unit_pixels(images), grayscale=channels == 1, image_size=None if size == images.size[0] else size
    )
    pixels = (reduced + 1) / 2
    return ((pixels - options.pixel_mean) / options.pixel_deviation).reshape(len(images), *shape)


def _shape(images: ImageSet, architecture: Architecture) -> tuple[int, ...]:
    """What one example is like."""
    try:
        return architecture.example_shape(images.size)
    except ArchitectureError:
        # Programs say it themselves.
        return architecture.example_shape(None)
