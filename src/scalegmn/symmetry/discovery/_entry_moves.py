"""How the entries of a parameter follow the channels that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.errors import SymmetryError

from ._rearrangement import Rearrangement
from ._tag_tuples import codes, components, rows


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class TaggedAxes:
    """Some axes of a parameter, and the channels that stand along them.

    Attributes:
        axes: in increasing order.
        tags: of every place along them, row by row, ``(places, tags)``; from 0 on they are points of the
            group, below they never move.
    """

    axes: tuple[int, ...]
    tags: NDArray[np.int64]


@final
class EntryMoves:
    """How the entries of one parameter follow their tags."""

    def __init__(self, tags: Sequence[Tensor], shape: tuple[int, ...]) -> None:
        self._shape: Final = shape
        self._parts: Final = [
            (tuple(sorted(axes)), rows(group, axes).numpy()) for axes, group in components(tags)
        ]
        self._tags: Final = [np.unique(table[table > 0]) for _, table in self._parts]

    def tagged(self, points: NDArray[np.int64]) -> Iterator[TaggedAxes]:
        """Tags of the places along each group of axes, points by their places among all points."""
        for axes, table in self._parts:
            places = np.minimum(np.searchsorted(points, table), len(points) - 1)
            # Even numbers for channels that no permutation knows, odd ones for positions.
            fixed = np.where(table > 0, -2 * table, 2 * table - 1)
            yield TaggedAxes(axes=axes, tags=np.where(points[places] == table, places, fixed))

    def axes_of(self, tags: NDArray[np.int64]) -> tuple[int, ...]:
        """Axes along which any of some tags stands."""
        return tuple(
            sorted(
                {
                    axis
                    for (axes, _), own in zip(self._parts, self._tags, strict=True)
                    if np.isin(own, tags).any()
                    for axis in axes
                }
            )
        )

    def entries(self, tags: NDArray[np.int64]) -> Iterator[Tensor]:
        """Flat indices of the entries of each of some tags, where all of them have as many."""
        numbers = torch.arange(torch.Size(self._shape).numel()).reshape(self._shape)
        for axes, table in self._parts:
            places = [np.flatnonzero((table == tag).any(axis=1)) for tag in tags]
            if len(places[0]) and len({len(place) for place in places}) == 1:
                front = numbers.movedim(axes, tuple(range(len(axes)))).flatten(0, len(axes) - 1)
                yield torch.stack([front[torch.from_numpy(place)].reshape(-1) for place in places])

    def rearrangement(
        self, points: NDArray[np.int64], image: NDArray[np.int64], moved: NDArray[np.int64]
    ) -> Rearrangement | None:
        """Where the entries come from; None if all stay."""
        found = []
        for (axes, table), own in zip(self._parts, self._tags, strict=True):
            if np.isin(own, moved).any():
                found.append((axes, _sources(table, points, image)))
        if not found:
            return None
        # Of one kind for all elements, so that products of elements need no shape.
        if all(len(axes) == 1 for axes, _ in self._parts):
            return Rearrangement(axes={axes[0]: source for axes, source in found})
        entries = torch.arange(torch.Size(self._shape).numel()).reshape(self._shape)
        for axes, source in found:
            entries = _taken(entries, axes, source)
        return Rearrangement(flat=entries.reshape(-1))


def _sources(table: NDArray[np.int64], points: NDArray[np.int64], image: NDArray[np.int64]) -> Tensor:
    """For every row, the one that comes to its place; equal rows keep their order."""
    # Numbers that are never read have tags that are no points.
    places = np.minimum(np.searchsorted(points, table), len(points) - 1)
    mapped = np.where(points[places] == table, image[places], table)
    numbers, _ = codes(torch.from_numpy(np.concatenate([table, mapped])))
    here, there = numbers[: len(table)], numbers[len(table) :]
    order, coming = np.argsort(here, kind="stable"), np.argsort(there, kind="stable")
    if not np.array_equal(here[order], there[coming]):
        raise SymmetryError(
            "a permutation of channels takes entries of a parameter to where there are none, expected one "
            "to one; the rule of an operation is wrong"
        )
    source = np.empty(len(table), dtype=np.int64)
    source[order] = coming
    return torch.from_numpy(source)


def _taken(entries: Tensor, axes: Sequence[int], source: Tensor) -> Tensor:
    """Entries rearranged along several axes together."""
    front = entries.movedim(tuple(axes), tuple(range(len(axes))))
    moved = front.flatten(0, len(axes) - 1)[source].reshape(front.shape)
    return moved.movedim(tuple(range(len(axes))), tuple(axes))
