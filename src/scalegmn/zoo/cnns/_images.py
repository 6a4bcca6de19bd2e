"""Images as small networks see them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ConfigurationError, ImageSourceError
from scalegmn.images import ImageSet

# Images that are prepared at once, which bounds the memory in between.
_BLOCK = 4096


def prepared_images(images: ImageSet, *, grayscale: bool = True, image_size: int | None = None) -> Tensor:
    """Images ``(n, C, H, W)`` float32 with values from -1 to 1, as in the Small CNN Zoo.

    Args:
        images: of any size.
        grayscale: average colors into one channel.
        image_size: height and width to which images are reduced by averaging; None to keep them.

    Raises:
        ConfigurationError: `image_size` is larger than the images, or not positive.
    """
    check_image_size(images, image_size)
    parts = []
    for block in torch.from_numpy(images.images).split(_BLOCK):
        pixels = _channels_first(block.float() / 127.5 - 1)
        parts.append(_reduced(pixels, grayscale=grayscale, image_size=image_size))
    return torch.cat(parts)


def unit_pixels(images: ImageSet) -> Tensor:
    """Images ``(n, C, H, W)`` float32 from 0 to 1, in color where they are, as triggers take them."""
    return _channels_first(images.unit()).contiguous()


def network_inputs(pixels: Tensor, *, grayscale: bool = True, image_size: int | None = None) -> Tensor:
    """Prepare like :func:`prepared_images`, for images ``(n, C, H, W)`` from 0 to 1; differentiable."""
    blocks = pixels.split(_BLOCK)
    return torch.cat([_reduced(2 * b - 1, grayscale=grayscale, image_size=image_size) for b in blocks])


def check_image_size(images: ImageSet, image_size: int | None) -> None:
    """Refuse to enlarge images.

    Raises:
        ConfigurationError: `image_size` is larger than the images, or not positive.
    """
    if image_size is not None and not 1 <= image_size <= min(images.size):
        raise ConfigurationError(
            f"image_size is {image_size}, expected 1 to {min(images.size)}: images of {images.name} are "
            f"{images.size[0]} x {images.size[1]} and are only reduced"
        )


def _channels_first(pixels: Tensor) -> Tensor:
    return pixels[:, None] if pixels.ndim == 3 else pixels.movedim(3, 1)


def _reduced(pixels: Tensor, *, grayscale: bool, image_size: int | None) -> Tensor:
    if grayscale:
        pixels = pixels.mean(dim=1, keepdim=True)
    if image_size is not None and (image_size, image_size) != tuple(pixels.shape[2:]):
        pixels = F.adaptive_avg_pool2d(pixels, (image_size, image_size))
    return pixels


def halves(images: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Places of the training and of the test images.

    Raises:
        ImageSourceError: there are none of one kind.
    """
    places = {split: np.flatnonzero(images.split == split) for split in ("train", "test")}
    for split, found in places.items():
        if not len(found):
            raise ImageSourceError(
                f"{images.name}: there are no {split} images; networks need some to learn from and some to "
                "be evaluated by"
            )
    return places["train"], places["test"]
