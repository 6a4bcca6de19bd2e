"""Inputs from which triggers are searched: drawn ones, or images that somebody gives."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.checkpoints import read_tensors
from scalegmn.configuration import format_value
from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator

DRAWN: Final = 8
"""Inputs that are drawn for networks whose inputs nobody gives."""
_MOST_IMAGES: Final = 64
_MOST_NUMBERS: Final = 2**18
# Waves along each side of a drawn image, by turns; and how dark it is, as images with a background are.
_WAVES: Final = (3, 5, 8)
_SHADES: Final = (0.0, -1.0, -0.5, 0.5)


@lru_cache(maxsize=64)
def drawn_inputs(shape: tuple[int, ...]) -> Float[Tensor, "m *shape"]:
    """Smooth random images from -1 to 1; of other shapes, normal numbers.  Always the same."""
    rng = numpy_generator(0, "start inputs", *shape)
    if len(shape) != 3:
        return torch.from_numpy(rng.standard_normal((DRAWN, *shape)))
    found = []
    for number in range(DRAWN):
        waves = _WAVES[number % len(_WAVES)]
        rows, columns = (_cosines(side, waves) for side in shape[1:])
        image = np.einsum("cij,ih,jw->chw", rng.standard_normal((shape[0], waves, waves)), rows, columns)
        image = image / max(float(image.std()), 1e-12)
        found.append(np.tanh(1.5 * image + _SHADES[number % len(_SHADES)]))
    return torch.from_numpy(np.stack(found))


def _cosines(side: int, waves: int) -> np.ndarray:
    """``(waves, side)``: half waves of growing frequency along a side."""
    places = (np.arange(side) + 0.5) / side
    return np.cos(np.pi * np.arange(waves)[:, None] * places)


def read_inputs(path: Path, *, origin: str) -> tuple[Float[Tensor, "m *shape"], ...]:
    """Inputs of a file of tensors ``(n, *shape)``, rounded to half precision, float64.

    Args:
        path: of the file.
        origin: which option names it.

    Raises:
        CheckpointError: the file cannot be read.
        ConfigurationError: its tensors are no few inputs.
    """
    return tuple(_unpacked(text, origin=origin) for text in read_images(path, origin=origin))


def read_images(path: Path, *, origin: str = "features.images") -> tuple[str, ...]:
    """Images of a file of tensors ``(n, *shape)``, as texts that a saved model holds.

    Args:
        path: of the file.
        origin: which option names it.

    Raises:
        CheckpointError: the file cannot be read.
        ConfigurationError: its tensors are no few images.
    """
    tensors = read_tensors(path)
    texts = tuple(packed(value) for _, value in sorted(tensors.items()) if value.ndim > 1 and value.numel())
    if len(texts) < len(tensors):
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        raise ConfigurationError(
            f"{origin}: {path} has tensors of the shapes {format_value(shapes)}, expected images (n, "
            "channels, height, width) in each; write images as the networks take them"
        )
    check_images(texts, origin=f"{origin}: {path}")
    return texts


def packed(images: Float[Tensor, "m *shape"]) -> str:
    """Images as a text: their shape, and half-precision numbers in base64."""
    content = images.detach().cpu().numpy().astype("<f2").tobytes()
    return f"{'x'.join(map(str, images.shape))} {base64.b64encode(content).decode('ascii')}"


def check_images(texts: Iterable[str], *, origin: str) -> None:
    """Refuse images that are too many, or no finite numbers.

    Raises:
        ConfigurationError: says why.
    """
    found = [_unpacked(text, origin=origin) for text in texts]
    count, numbers = sum(len(images) for images in found), sum(images.numel() for images in found)
    if count > _MOST_IMAGES or numbers > _MOST_NUMBERS:
        raise ConfigurationError(
            f"{origin}: holds {count} images with {numbers:,} numbers, expected at most {_MOST_IMAGES} with "
            f"{_MOST_NUMBERS:,}; give one for each class, such as their means"
        )


@lru_cache(maxsize=64)
def inputs_of_shape(texts: tuple[str, ...], shape: tuple[int, ...]) -> Float[Tensor, "m *shape"]:
    """All given images of a shape, float64; drawn ones where there are none.

    Raises:
        ConfigurationError: a text is damaged.
    """
    given = [_unpacked(text, origin="features.images") for text in texts]
    fitting = [images for images in given if tuple(images.shape[1:]) == shape]
    return torch.cat(fitting) if fitting else drawn_inputs(shape)


def shape_of(text: str) -> tuple[int, ...]:
    """The shape of one image that is packed into a text."""
    return tuple(_unpacked(text, origin="features.images").shape[1:])


def _unpacked(text: str, *, origin: str) -> Tensor:
    sizes, _, content = text.partition(" ")
    try:
        shape = tuple(int(size) for size in sizes.split("x"))
        values = np.frombuffer(base64.b64decode(content.encode("ascii"), validate=True), dtype="<f2")
    except (binascii.Error, ValueError) as error:
        raise _damaged(text, origin) from error
    if len(shape) < 2 or min(shape) < 1 or math.prod(shape) != len(values) or not np.isfinite(values).all():
        raise _damaged(text, origin)
    return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def _damaged(text: str, origin: str) -> ConfigurationError:
    return ConfigurationError(
        f"{origin}: {format_value(text[:40])} are no images, expected their shape and as many finite numbers "
        "of half precision; give images from -1 to 1, or save the model again"
    )
