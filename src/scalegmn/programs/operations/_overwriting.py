"""Entries of one value in place of some of another one: what assignments to parts of a tensor become."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final, TypeVar, final

import torch
from torch import Tensor

from scalegmn.programs import Algebra, HasShape, Instruction

from ._choice import only
from ._operation import Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Copy(Operation):
    """All entries replaced: those of the second value, broadcast."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        shape = instruction.outputs[0].shape
        return (algebra.view(arguments[1], lambda t: t.expand(shape)),)


@final
class Overwriting(Operation):
    """Some entries replaced by those of another value, at places that the code fixes.

    Args:
        name: in the registry.
        source: place of the new entries among the arguments.
    """

    def __init__(self, name: str, *, source: int) -> None:
        super().__init__(name)
        self._source = source

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, source = arguments[0], as_labels(algebra, arguments[self._source])
        given = list(arguments)
        given[0] = torch.full(tuple(x.shape), -1, dtype=torch.int64)
        given[self._source] = torch.arange(prod(source.shape)).reshape(source.shape)
        return (replaced(algebra, x, source, self.run(*given)[0]),)


def replaced(algebra: Algebra[L], x: L, source: L, places: Tensor) -> L:
    """``x``, with entries of another value in it.

    Args:
        algebra: of the labels.
        x: what stays.
        source: where the new entries come from.
        places: for each entry of the outcome, which one of the source it is, row by row; -1 where it stays.
    """
    new = places >= 0
    moved = moved_to(algebra, source, places)
    return moved if bool(new.all()) else algebra.add(only(algebra, x, ~new), moved)


def moved_to(algebra: Algebra[L], source: L, places: Tensor) -> L:
    """Entries of a value, put at places; zeros where there is none.

    Args:
        algebra: of the labels.
        source: what is moved.
        places: for each entry of the outcome, which one of the source it is, row by row; -1 for none.
    """
    new = places >= 0
    if bool(new.all()):
        return algebra.view(source, lambda t: t.reshape(-1)[places])
    row = algebra.pad(algebra.view(source, lambda t: t.reshape(-1)), before=(0,), after=(1,))
    return only(algebra, algebra.view(row, lambda t: t[places]), new)


OPERATIONS: Final = (
    Copy("aten.copy.default"),
    Overwriting("aten.slice_scatter.default", source=1),
    Overwriting("aten.select_scatter.default", source=1),
    Overwriting("aten.diagonal_scatter.default", source=1),
)
