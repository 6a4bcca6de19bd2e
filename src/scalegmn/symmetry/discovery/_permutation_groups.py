"""Groups of permutations as trees: products, wreath products, and stabilizers with their cosets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma, log
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

Moves = dict[int, int]
"""Where points go; those that are missing stay."""


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
    def notation(self) -> str:
        """In the field's notation, such as ``S_4 wr S_2``; empty if nothing moves."""

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
