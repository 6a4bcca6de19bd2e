"""In which ways triggers are searched: how long changes are, and what form they have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d


class SearchKind(Enum):
    """Names of searches in configurations and saved models; see :data:`SEARCHES`."""

    free = "free"
    bounded = "bounded"
    smooth = "smooth"
    window = "window"
    away = "away"


@final
@dataclass(frozen=True, kw_only=True)
class ChangeSearch:
    """A way to search changes.

    Attributes:
        radii: root mean squares of the change, one after the other; of 28 x 28 pixels, 0.018 is length 0.5.
        read: places of the lengths at which more than margins is read.
        bounded: whether changed inputs stay where inputs can be, and an input that is taken for the answer
            counts less than the others; otherwise the mean margin is what counts.
        away: whether one change leads away from what the network answers, instead of one toward each answer.
        form: what is left of a gradient.
    """

    radii: tuple[float, ...]
    read: tuple[int, ...]
    bounded: bool = True
    away: bool = False
    form: Callable[[Float[Tensor, "B C *shape"]], Float[Tensor, "B C *shape"]] | None = None


def smooth(gradient: Float[Tensor, "B C *shape"]) -> Float[Tensor, "B C *shape"]:
    """Low-pass gradients of images (at most half as many half periods as pixels); others stay as they are."""
    if gradient.ndim != 5:
        return gradient
    rows, columns = (_projection(side).to(gradient) for side in gradient.shape[3:])
    return rows @ gradient @ columns


def _projection(side: int) -> Float[Tensor, "side side"]:
    """Onto the slower half of the cosines of a side."""
    places = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    numbers = torch.arange(max(1, side // 2), dtype=torch.float64)
    waves = torch.cos(math.pi * numbers[:, None] * places)
    waves = waves / waves.norm(dim=1, keepdim=True)
    return waves.T @ waves


def strongest_window(gradient: Float[Tensor, "B C *shape"]) -> Float[Tensor, "B C *shape"]:
    """Keep the window of images (a third of each side) with the strongest gradient; leave others alone."""
    if gradient.ndim != 5:
        return gradient
    energy = gradient.square().sum(2)
    sides = tuple(max(1, side // 3) for side in energy.shape[2:])
    sums = avg_pool2d(energy, sides, stride=1)
    place = sums.flatten(2).argmax(2)
    rows = _within(place // sums.shape[3], side=sides[0], length=energy.shape[2])
    columns = _within(place % sums.shape[3], side=sides[1], length=energy.shape[3])
    return gradient * (rows[..., :, None] & columns[..., None, :])[:, :, None]


def _within(start: Int[Tensor, "B C"], *, side: int, length: int) -> Bool[Tensor, "B C length"]:
    """Which of the places of a side belong to a window that starts there."""
    places = torch.arange(length, device=start.device) - start[..., None]
    return (places >= 0) & (places < side)


_LENGTHS: Final = (0.036, 0.071, 0.107, 0.143, 0.179, 0.214)
_MIDDLE: Final = (2, 3)

SEARCHES: Final[Mapping[SearchKind, ChangeSearch]] = MappingProxyType(
    {
        SearchKind.free: ChangeSearch(
            radii=(0.018, 0.036, 0.054, 0.071, 0.107, 0.143, 0.179, 0.214, 0.286),
            read=(1, 4, 7),
            bounded=False,
        ),
        SearchKind.bounded: ChangeSearch(radii=_LENGTHS, read=_MIDDLE),
        SearchKind.smooth: ChangeSearch(radii=_LENGTHS[1:], read=_MIDDLE, form=smooth),
        SearchKind.window: ChangeSearch(radii=_LENGTHS[:-1], read=_MIDDLE, form=strongest_window),
        SearchKind.away: ChangeSearch(radii=_LENGTHS, read=_MIDDLE, away=True),
    }
)
"""``free``: any change of a length.  ``bounded``: changed inputs stay where inputs can be.  ``smooth``: the
same by slow waves, as blends and waves are.  ``window``: the same in one part of an image, as patches are.
``away``: one change away from what the network answers, as in attacks that have more than one target."""
