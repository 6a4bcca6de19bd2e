"""Unknowns of parameters, and what they turn out to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import EffectiveParameter

from ._labels import ORIGIN, Labels, Term, compressed, core, simplified


@final
class CellState(IntEnum):
    """What has become of the unknown of one number of a parameter."""

    unread = 0
    used = 1
    defined = 2


@final
@dataclass(frozen=True)
class Block:
    """Unknowns that came into being together.

    Attributes:
        start: first id.
        shape: how they are arranged.
        origin: the parameter, or the module that writes the channels.
    """

    start: int
    shape: tuple[int, ...]
    origin: str

    @property
    def stop(self) -> int:
        """First id behind."""
        return self.start + torch.Size(self.shape).numel()


@final
class Cells:
    """One unknown, a cell, for every number of every parameter, and more unknowns as they are needed.

    A parameter that is met for the first time in a product needs no equations: its cells are *defined* as
    sums of other unknowns, such as ``log-scale of W[o, i] = y[o] - x[i]``.  Definitions are looked up when
    the parameter is met again.

    Args:
        parameters: of a program.
    """

    def __init__(self, parameters: Sequence[EffectiveParameter]) -> None:
        self.blocks: Final[list[Block]] = []
        start = ORIGIN + 1
        for parameter in parameters:
            self.blocks.append(Block(start, parameter.type.shape, parameter.name))
            start = self.blocks[-1].stop
        self.cells: Final = start
        self.state: Final = torch.zeros(start, dtype=torch.uint8)
        self._next = start
        self._slots: Final[list[tuple[Fraction, Tensor]]] = []

    def labels(self, index: int) -> Labels:
        """The cells of a parameter, by its index in the program."""
        block = self.blocks[index]
        ids = torch.arange(block.start, block.stop).reshape(block.shape)
        return Labels(block.shape, (Term(Fraction(1), ids),))

    def new(self, shape: Sequence[int], *, origin: str) -> Tensor:
        """More unknowns, numbered row by row."""
        block = Block(self._next, tuple(shape), origin)
        self.blocks.append(block)
        self._next = block.stop
        return torch.arange(block.start, block.stop).reshape(block.shape)

    @property
    def count(self) -> int:
        """How many ids there are, with the origin."""
        return self._next

    def is_fresh(self, x: Labels) -> bool:
        """Whether all entries are unread cells, each once, but for axes along which they are repeated."""
        if len(x.terms) != 1 or x.terms[0].coefficient != 1:
            return False
        ids = core(x.terms[0].ids)
        if ids.numel() == 0 or bool((ids <= ORIGIN).any() | (ids >= self.cells).any()):
            return False
        if bool((self.state[ids.reshape(-1)] != CellState.unread).any()):
            return False
        return torch.unique(ids).numel() == ids.numel()

    def is_met(self, index: int) -> bool:
        """Whether any cell of a parameter is used or defined."""
        block = self.blocks[index]
        return bool((self.state[block.start : block.stop] != CellState.unread).any())

    def touch(self, ids: Tensor) -> None:
        """Note that cells stand for themselves from now on, since an equation or a value has them."""
        inside = core(ids).reshape(-1)
        inside = inside[(inside > ORIGIN) & (inside < self.cells)]
        self.state[inside] = torch.clamp(self.state[inside], min=int(CellState.used))

    def define(self, ids: Tensor, terms: Sequence[Term]) -> None:
        """Say what unread cells are.

        Args:
            ids: the cells.
            terms: a sum of unknowns for each, of the same shape.
        """
        places = ids.reshape(-1)
        self.state[places] = int(CellState.defined)
        taken: set[int] = set()
        for term in terms:
            slot = self._slot(term.coefficient, taken)
            taken.add(slot)
            self._slots[slot][1][places] = term.ids.reshape(-1)

    def resolve(self, x: Labels) -> Labels:
        """The same labels, with what defined cells are in their place."""
        terms: list[Term] = []
        for term in x.terms:
            terms.extend(self._resolved(term))
        return Labels(x.shape, simplified(terms), x.known)

    def _resolved(self, term: Term) -> list[Term]:
        ids, shape = core(term.ids), term.ids.shape
        defined = torch.zeros(ids.shape, dtype=torch.bool)
        inside = (ids > ORIGIN) & (ids < self.cells)
        defined[inside] = self.state[ids[inside]] == int(CellState.defined)
        if not bool(defined.any()):
            return [term]
        looked_up = torch.where(defined, ids, ORIGIN)
        found = [
            Term(term.coefficient * coefficient, compressed(table[looked_up]).expand(shape))
            for coefficient, table in self._slots
        ]
        rest = torch.where(defined, ORIGIN, ids)
        return [*found, Term(term.coefficient, compressed(rest).expand(shape))]

    def _slot(self, coefficient: Fraction, taken: set[int]) -> int:
        for index, (known, _) in enumerate(self._slots):
            if known == coefficient and index not in taken:
                return index
        self._slots.append((coefficient, torch.full((self.cells,), ORIGIN, dtype=torch.int64)))
        return len(self._slots) - 1

    def used(self) -> Tensor:
        """Ids of all unknowns that matter: cells that stand for themselves, and those that came later."""
        return torch.cat(
            [
                torch.nonzero(self.state == int(CellState.used)).reshape(-1),
                torch.arange(self.cells, self._next),
            ]
        )
