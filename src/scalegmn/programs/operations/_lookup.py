"""Entries that are chosen by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

import torch
from torch import Tensor

from scalegmn.programs import LINEAR, OPAQUE, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Embedding(Operation):
    """Rows of a table."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        table, numbers, *_ = arguments
        return (_rows(algebra, table, numbers),)


@final
class Indexing(Operation):
    """``x[i, :, j]``, with tensors of numbers in some places."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, indices, *_ = arguments
        if all(index is None or index.known is not None for index in indices):
            known = [index if index is None else index.known for index in indices]
            return (algebra.view(x, lambda t: t[_index(known)]),)
        if len(indices) == 1 and len(x.shape) > 1:
            return (_rows(algebra, x, indices[0]),)
        axes = [axis for axis, index in enumerate(indices) if index is not None]
        first = [index if index is None else torch.zeros(index.shape, dtype=torch.int64) for index in indices]
        y = algebra.view(any_of(algebra, x, axes), lambda t: t[_index(first)])
        place = axes[0] if axes == list(range(axes[0], axes[-1] + 1)) else 0
        behind = len(x.shape) - len(axes) - place
        for index in indices:
            if index is not None:
                y = _beside(algebra, y, index, behind=behind)
        return (y,)


@final
class Selection(Operation):
    """Slices along one axis, in an order that numbers give."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axis, numbers = arguments
        known = numbers.known
        if known is not None:
            return (algebra.view(x, lambda t: t.index_select(axis, known)),)
        first = torch.zeros(numbers.shape, dtype=torch.int64)
        y = algebra.view(any_of(algebra, x, [axis]), lambda t: t.index_select(axis, first))
        return (_beside(algebra, y, numbers, behind=len(x.shape) - 1 - axis % len(x.shape)),)


@final
class Gathering(Operation):
    """``out[i, j] = x[i, n[i, j]]``, along any axis."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axis, numbers, *_ = arguments
        known = numbers.known
        if known is not None:
            return (algebra.view(x, lambda t: t.gather(axis, known)),)
        first = torch.zeros(numbers.shape, dtype=torch.int64)
        y = algebra.view(any_of(algebra, x, [axis]), lambda t: t.gather(axis, first))
        return (_beside(algebra, y, numbers, behind=0),)


def _rows(algebra: Algebra[L], table: L, numbers: L) -> L:
    known = numbers.known
    if known is not None:
        return algebra.view(table, lambda t: t[known])
    rows = algebra.lookup(table, shape=numbers.shape)
    return _beside(algebra, rows, numbers, behind=len(table.shape) - 1)


def _beside(algebra: Algebra[L], chosen: L, numbers: L, *, behind: int) -> L:
    """What is chosen goes where the numbers go that choose it; they change no scale and no sign of it.

    Args:
        algebra: of the labels.
        chosen: entries of some value.
        numbers: which ones they are.
        behind: how many axes of what is chosen come after those of the numbers.
    """
    shape = (*numbers.shape, *(1 for _ in range(behind)))
    # A number 0 chooses as well as any other, and does not make what it chooses 0.
    numbers = algebra.apply(numbers, OPAQUE)
    return algebra.multiply(chosen, algebra.view(numbers, lambda t: t.reshape(shape)))


def any_of(algebra: Algebra[L], x: L, axes: Sequence[int]) -> L:
    """One entry of each axis, whichever the input asks for: all of them transform alike."""
    ordered = algebra.ordered(x, axes=axes, behavior=LINEAR)
    return algebra.reduce(ordered, axes=axes, keepdim=True, behavior=LINEAR)


def _index(numbers: Sequence[Tensor | None]) -> tuple[Tensor | slice, ...]:
    return tuple(slice(None) if index is None else index for index in numbers)


OPERATIONS: Final = (
    Embedding("aten.embedding.default"),
    Indexing("aten.index.Tensor"),
    Indexing("aten._unsafe_index.Tensor"),
    Selection("aten.index_select.default"),
    Gathering("aten.gather.default"),
)
