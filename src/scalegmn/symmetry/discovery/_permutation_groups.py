"""Groups of permutations as trees: products, wreath products, and stabilizers with their cosets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma, log
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

Moves = dict[int, int]
"""Where points go; those that are missing stay."""


@final
class Gains:
    """What it is worth that a point goes to the place of another one.

    Args:
        points: different ones, ``(points,)``.
        matrix: row: the place; column: the point that goes there, ``(points, points)``.
    """

    def __init__(self, points: NDArray[np.int64], matrix: NDArray[np.float64]) -> None:
        self._order: Final = np.argsort(points)
        self._sorted: Final = points[self._order]
        self._matrix: Final = matrix

    def between(self, places: NDArray[np.int64], points: NDArray[np.int64]) -> NDArray[np.float64]:
        """Gains of some points at some places, ``(places, points)``."""
        return self._matrix[np.ix_(self._index(places), self._index(points))]

    def along(self, places: NDArray[np.int64], points: NDArray[np.int64]) -> NDArray[np.float64]:
        """The gain of each point at the place that stands beside it, of the shape of both."""
        return np.asarray(self._matrix[self._index(places), self._index(points)])

    def _index(self, points: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._order[np.searchsorted(self._sorted, points)]


class PermutationGroup(ABC):
    """A finite group that moves points."""

    @property
    @abstractmethod
    def log_order(self) -> float:
        """The logarithm of the number of elements."""

    @property
    def is_trivial(self) -> bool:
        """Whether nothing moves."""
        return self.log_order == 0.0

    @abstractmethod
    def random(self, generator: torch.Generator) -> Moves:
        """An element, all of them equally likely."""

    @abstractmethod
    def generators(self) -> Iterator[Moves]:
        """Elements that all others are products of."""

    @abstractmethod
    def best(self, gains: Gains) -> tuple[float, Moves]:
        """The element that gains most, and what it gains at the points of the group.

        Args:
            gains: of all points of the group.
        """

    @abstractmethod
    def notation(self) -> str:
        """The group in the usual notation, such as ``S_4 wr S_2``; empty if nothing moves."""

    @abstractmethod
    def points(self) -> list[int]:
        """All points that any element moves."""


@final
@dataclass(frozen=True, eq=False)
class DirectProduct(PermutationGroup):
    """Groups that move different points.

    Attributes:
        factors: the groups.
    """

    factors: tuple[PermutationGroup, ...]

    @property
    def log_order(self) -> float:
        return sum((factor.log_order for factor in self.factors), 0.0)

    def random(self, generator: torch.Generator) -> Moves:
        moves: Moves = {}
        for factor in self.factors:
            moves.update(factor.random(generator))
        return moves

    def generators(self) -> Iterator[Moves]:
        for factor in self.factors:
            yield from factor.generators()

    def best(self, gains: Gains) -> tuple[float, Moves]:
        total, moves = 0.0, {}
        for factor in self.factors:
            gain, found = factor.best(gains)
            total += gain
            moves.update(found)
        return total, moves

    def notation(self) -> str:
        texts = [text for factor in self.factors if (text := factor.notation())]
        return " x ".join(f"({text})" if " " in text and len(texts) > 1 else text for text in texts)

    def points(self) -> list[int]:
        return [point for factor in self.factors for point in factor.points()]


@final
@dataclass(frozen=True, eq=False)
class Wreath(PermutationGroup):
    """Blocks that change places, and a group that acts within each of them.

    Attributes:
        blocks: in each row, the points of one block in the order of the first, ``(blocks, points)``.
        inner: moves points of the first block.
    """

    blocks: NDArray[np.int64]
    inner: PermutationGroup

    @property
    def log_order(self) -> float:
        return lgamma(len(self.blocks) + 1) + len(self.blocks) * self.inner.log_order

    def random(self, generator: torch.Generator) -> Moves:
        places = torch.randperm(len(self.blocks), generator=generator).numpy()
        images = self.blocks[places]
        if not self.inner.is_trivial:
            column = {point: index for index, point in enumerate(self.blocks[0].tolist())}
            for row, image in enumerate(images):
                moves = self.inner.random(generator)
                order = np.arange(len(image))
                for point, target in moves.items():
                    order[column[point]] = column[target]
                images[row] = image[order]
        return dict(zip(self.blocks.reshape(-1).tolist(), images.reshape(-1).tolist(), strict=True))

    def generators(self) -> Iterator[Moves]:
        yield from self.inner.generators()
        for first, second in zip(self.blocks[:-1].tolist(), self.blocks[1:].tolist(), strict=True):
            yield exchange(first, second)

    def best(self, gains: Gains) -> tuple[float, Moves]:
        # An assignment of blocks, each pair of which is worth what its best inner element gains.
        pairs = self._plain_pairs(gains) if self.inner.is_trivial else self._inner_pairs(gains)
        # Imported here, since few of those who import this module come here.
        from scipy.optimize import linear_sum_assignment

        places, sources = linear_sum_assignment(pairs, maximize=True)
        moves: Moves = {}
        for place, source in zip(places.tolist(), sources.tolist(), strict=True):
            order = np.arange(self.blocks.shape[1])
            if not self.inner.is_trivial:
                _, order = self._within(gains, place, source)
            moves.update(zip(self.blocks[source].tolist(), self.blocks[place][order].tolist(), strict=True))
        return float(pairs[places, sources].sum()), moves

    def _plain_pairs(self, gains: Gains) -> NDArray[np.float64]:
        columns = (gains.between(column, column) for column in self.blocks.T)
        return np.sum([*columns], axis=0)

    def _inner_pairs(self, gains: Gains) -> NDArray[np.float64]:
        count = range(len(self.blocks))
        return np.array([[self._within(gains, place, source)[0] for source in count] for place in count])

    def _within(self, gains: Gains, place: int, source: int) -> tuple[float, NDArray[np.int64]]:
        """The best way from a block to a place: its gain, and the target column of every column."""
        first = self.blocks[0]
        matrix = gains.between(self.blocks[place], self.blocks[source])
        _, moves = self.inner.best(Gains(first, matrix))
        column = {point: index for index, point in enumerate(first.tolist())}
        order = np.arange(len(first))
        for point, target in moves.items():
            order[column[point]] = column[target]
        return float(matrix[order, np.arange(len(first))].sum()), order

    def notation(self) -> str:
        outer, inner = f"S_{len(self.blocks)}", self.inner.notation()
        return f"{f'({inner})' if ' ' in inner else inner} wr {outer}" if inner else outer

    def points(self) -> list[int]:
        return [int(point) for point in self.blocks.reshape(-1)]


@final
@dataclass(frozen=True, eq=False)
class Cosets(PermutationGroup):
    """One point goes to any of some places, and a group acts that holds it.

    Attributes:
        domain: points, ``(points,)``.
        moves: where they go, for one element per place; the first is the identity, ``(places, points)``.
        held: the stabilizer of the point.
    """

    domain: NDArray[np.int64]
    moves: NDArray[np.int64]
    held: PermutationGroup

    @property
    def log_order(self) -> float:
        return log(len(self.moves)) + self.held.log_order

    def random(self, generator: torch.Generator) -> Moves:
        chosen = int(torch.randint(len(self.moves), (1,), generator=generator))
        move = dict(zip(self.domain.tolist(), self.moves[chosen].tolist(), strict=True))
        held = self.held.random(generator)
        return {point: move[held.get(point, point)] for point in move}

    def generators(self) -> Iterator[Moves]:
        yield from self.held.generators()
        for row in self.moves[1:].tolist():
            yield dict(zip(self.domain.tolist(), row, strict=True))

    def best(self, gains: Gains) -> tuple[float, Moves]:
        found = [self._after(row, gains) for row in self.moves]
        return max(found, key=lambda pair: pair[0])

    def _after(self, row: NDArray[np.int64], gains: Gains) -> tuple[float, Moves]:
        """The best of a coset: an element of the stabilizer, and then the move."""
        _, held = self.held.best(Gains(self.domain, gains.between(row, self.domain)))
        move = dict(zip(self.domain.tolist(), row.tolist(), strict=True))
        moves = {point: move[held.get(point, point)] for point in move}
        places = np.array(list(moves.values()), dtype=np.int64)
        return float(gains.along(places, self.domain).sum()), moves

    def notation(self) -> str:
        if len(self.moves) == 1:
            return self.held.notation()
        inner = self.held.notation()
        return f"{len(self.moves)} places, then {inner}" if inner else f"{len(self.moves)} places"

    def points(self) -> list[int]:
        return [int(point) for point in self.domain]


def exchange(first: list[int], second: list[int]) -> Moves:
    """Two blocks in each other's places."""
    there = dict(zip(first, second, strict=True))
    return {**there, **{image: point for point, image in there.items()}}
