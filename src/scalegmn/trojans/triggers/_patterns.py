"""Small pictures that are put into images."""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import TriggerError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.triggers._trigger import check_images

PatternName = Literal["noise", "white", "checkerboard"]
PATTERNS: Final[tuple[PatternName, ...]] = get_args(PatternName)


def draw_pattern(
    name: PatternName, generator: np.random.Generator, *, channels: int, size: tuple[int, int]
) -> np.ndarray:
    """A pattern ``(C, h, w)`` of whole numbers from 0 to 255, uint8.

    ``noise`` is uniform in every value, ``white`` is 255 throughout, ``checkerboard`` alternates 255 and 0
    from one pixel to the next, beginning with 255.
    """
    shape = (channels, *size)
    match name:
        case "noise":
            return generator.integers(0, 256, shape).astype(np.uint8)
        case "white":
            return np.full(shape, 255, np.uint8)
        case "checkerboard":
            rows, columns = np.indices(size)
            board = np.where((rows + columns) % 2 == 0, 255, 0).astype(np.uint8)
            return np.broadcast_to(board, shape).copy()


def known_pattern(values: np.ndarray) -> PatternName:
    """What a picture ``(C, h, w)`` shows; ``noise`` where it is no other pattern."""
    for name in PATTERNS:
        if name != "noise":
            drawn = draw_pattern(
                name, numpy_generator(0, name), channels=values.shape[0], size=values.shape[1:]
            )
            if np.array_equal(drawn, values):
                return name
    return "noise"


def blend_pattern(images: Tensor, pattern: np.ndarray, *, top: int, left: int, blend: float) -> Tensor:
    """``(1 - blend) * images + blend * pattern`` where the pattern lies, and the images elsewhere.

    Args:
        images: ``(*batch, C, H, W)`` from 0 to 1.
        pattern: ``(C, h, w)`` from 0 to 255.
        top: row of the pattern's first row.
        left: column of its first column.
        blend: weight of the pattern.

    Raises:
        TriggerError: the pattern has other channels, or does not lie within the images.
    """
    channels, height, width = pattern.shape
    check_images(images, channels=channels)
    if top + height > images.shape[-2] or left + width > images.shape[-1]:
        raise TriggerError(
            f"a pattern of {height} x {width} pixels at row {top}, column {left} does not fit into images of "
            f"{images.shape[-2]} x {images.shape[-1]}; use images of the size it was drawn for"
        )
    values = torch.from_numpy(pattern).to(images) / 255
    rows, columns = slice(top, top + height), slice(left, left + width)
    changed = images.clone()
    changed[..., rows, columns] = (1 - blend) * images[..., rows, columns] + blend * values
    return changed
