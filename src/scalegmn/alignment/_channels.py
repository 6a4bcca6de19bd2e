"""A family of channels that change places: how alike those of two networks are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.symmetry.discovery import ExponentRows, Gains, Moves, PermutationFamily, Permutations

_MOST_SIGNS: Final = 3
"""Signs of one channel that are tried together."""
_NO_ROW: Final = -1


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class _Pattern:
    """A flip that each channel of an orbit has for its own.

    Attributes:
        signs: 1 and -1 for the entries of a channel, for each of the orbit's pieces.
        columns: the free flip of each channel, ``(channels,)``.
    """

    signs: tuple[NDArray[np.float64], ...]
    columns: NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class _Orbit:
    """Channels each of which can go to the place of each other.

    Attributes:
        points: as the group names them, ``(channels,)``.
        pieces: names of parameters, and flat indices of the entries of each channel, ``(channels, entries)``.
        patterns: flips of single channels.
    """

    points: NDArray[np.int64]
    pieces: tuple[tuple[str, Tensor], ...]
    patterns: tuple[_Pattern, ...]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Similarity:
    """How alike the channels of two networks are.

    Attributes:
        gains: sums of products of the entries of two channels, at the best signs.
        choices: for each orbit its points and which flips are the best, as a number whose bits are patterns,
            ``(channels, channels)``.
    """

    gains: Gains
    choices: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]


@final
class MatchedChannels:
    """Channels that change places, and the entries that they own.

    Args:
        family: of the group.
        permutations: to which it belongs.
        signs: of the group.
    """

    def __init__(self, family: PermutationFamily, permutations: Permutations, *, signs: ExponentRows) -> None:
        self.group: Final = family.group
        self.origin: Final = family.origin
        numbers = signs.expand(np.arange(signs.matrix.shape[0], dtype=np.float64))
        self._orbits: Final = tuple(
            _orbit(points, permutations, signs=signs, numbers=numbers) for points in orbits(family)
        )

    def similarity(
        self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor], *, signed: bool
    ) -> Similarity:
        """How alike each channel of one network is to each of another.

        Args:
            reference: parameters, float64.
            other: those of the network whose channels are to be moved.
            signed: whether channels may change their signs.
        """
        blocks, choices = [], []
        for orbit in self._orbits:
            gains, chosen = _best_signs(orbit, reference, other, patterns=orbit.patterns if signed else ())
            blocks.append(gains)
            choices.append((orbit.points, chosen))
        return Similarity(gains=self._joined(blocks), choices=tuple(choices))

    def gains(self, distance: Mapping[int, NDArray[np.float64]]) -> Gains:
        """Gains from a matrix for every orbit, by the first of its points."""
        return self._joined([distance[int(orbit.points[0])] for orbit in self._orbits])

    def points(self) -> Iterator[NDArray[np.int64]]:
        """The points of every orbit."""
        for orbit in self._orbits:
            yield orbit.points

    def patterns(self) -> Iterator[tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]]:
        """The points of every orbit, and free flips of its channels, for each kind of flips that all have."""
        for orbit in self._orbits:
            yield orbit.points, tuple(pattern.columns for pattern in orbit.patterns)

    def flips(self, similarity: Similarity, moves: Moves, *, dimension: int) -> NDArray[np.int64]:
        """Free flips that channels need at their new places.

        Args:
            similarity: of the networks before the moves.
            moves: where channels go.
            dimension: how many free flips there are.
        """
        found = np.zeros(dimension, dtype=np.int64)
        for orbit, (points, chosen) in zip(self._orbits, similarity.choices, strict=True):
            index = {point: number for number, point in enumerate(points.tolist())}
            for point in points.tolist():
                place = index[moves.get(point, point)]
                for bit, pattern in enumerate(orbit.patterns):
                    if chosen[place, index[point]] >> bit & 1:
                        found[pattern.columns[place]] ^= 1
        return found

    def _joined(self, blocks: list[NDArray[np.float64]]) -> Gains:
        points = np.concatenate([orbit.points for orbit in self._orbits])
        matrix = np.zeros((len(points), len(points)))
        start = 0
        for block in blocks:
            stop = start + len(block)
            matrix[start:stop, start:stop] = block
            start = stop
        return Gains(points, matrix)


def orbits(family: PermutationFamily) -> list[NDArray[np.int64]]:
    """Points that go to each other's places, in the order of the first of them."""
    root = {point: point for point in family.group.points()}

    def head(point: int) -> int:
        while root[point] != point:
            root[point] = root[root[point]]
            point = root[point]
        return point

    for moves in family.group.generators():
        for point, image in moves.items():
            low, high = sorted((head(point), head(image)))
            root[high] = low
    found: dict[int, list[int]] = {}
    for point in sorted(root):
        found.setdefault(head(point), []).append(point)
    return [np.array(points, dtype=np.int64) for points in found.values()]


def _orbit(
    points: NDArray[np.int64],
    permutations: Permutations,
    *,
    signs: ExponentRows,
    numbers: Mapping[str, Tensor],
) -> _Orbit:
    pieces = tuple(permutations.entries(points))
    # What no sign can reach, such as a deviation, has no row.
    rows = [
        numbers[name].reshape(-1)[index].long().numpy() if name in numbers else np.full(index.shape, _NO_ROW)
        for name, index in pieces
    ]
    patterns = _patterns(rows, signs) if pieces and signs.matrix.shape[1] else ()
    return _Orbit(points=points, pieces=pieces, patterns=patterns)


def _patterns(rows: list[NDArray[np.int64]], signs: ExponentRows) -> tuple[_Pattern, ...]:
    """Flips that every channel has for its own, and that flip the same of its entries.

    Args:
        rows: of signs, at the entries of each channel, for each piece.
        signs: of the group.
    """
    count = len(rows[0])
    touched = [np.unique(np.concatenate([piece[channel] for piece in rows])) for channel in range(count)]
    columns = [np.unique(signs.matrix[own[own != _NO_ROW]].indices) for own in touched]
    owners = Counter(column for own in columns for column in own.tolist())
    found: dict[bytes, dict[int, int]] = {}
    for channel, own in enumerate(columns):
        for column in own.tolist():
            if owners[column] == 1:
                key = np.concatenate([_flipped(piece[channel], signs, column) for piece in rows]).tobytes()
                found.setdefault(key, {}).setdefault(channel, column)
    widths = np.cumsum([piece.shape[1] for piece in rows])[:-1]
    complete = [(key, own) for key, own in found.items() if len(own) == count][:_MOST_SIGNS]
    return tuple(
        _Pattern(
            signs=tuple(np.split(1.0 - 2.0 * np.frombuffer(key, dtype=np.int8), widths)),
            columns=np.array([own[channel] for channel in range(count)], dtype=np.int64),
        )
        for key, own in complete
    )


def _flipped(rows: NDArray[np.int64], signs: ExponentRows, column: int) -> NDArray[np.int8]:
    """Which entries a flip multiplies with -1."""
    different, places = np.unique(rows, return_inverse=True)
    flips = np.asarray(signs.matrix[np.maximum(different, 0)][:, column].todense(), dtype=np.int8).reshape(-1)
    return np.where(different == _NO_ROW, np.int8(0), flips)[places.reshape(-1)]


def _best_signs(
    orbit: _Orbit,
    reference: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
    *,
    patterns: tuple[_Pattern, ...],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Gains at the best flips, and which these are, both ``(channels, channels)``."""
    count = len(orbit.points)
    best = np.full((count, count), -np.inf)
    chosen = np.zeros((count, count), dtype=np.int64)
    for number, bits in enumerate(product((False, True), repeat=len(patterns))):
        # The first pattern is the lowest bit.
        taken = [pattern for pattern, bit in zip(patterns, reversed(bits), strict=True) if bit]
        gains = np.zeros((count, count))
        for piece, (name, index) in enumerate(orbit.pieces):
            first, second = (values[name].reshape(-1)[index] for values in (reference, other))
            signs = np.prod([pattern.signs[piece] for pattern in taken], axis=0) if taken else None
            if signs is not None:
                second = second * torch.from_numpy(np.ascontiguousarray(signs))
            gains += (first @ second.T).numpy()
        better = gains > best
        best = np.where(better, gains, best)
        chosen = np.where(better, number, chosen)
    return best, chosen
