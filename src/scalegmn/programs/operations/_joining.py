"""Several values one after another, or one in parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, TypeVar, final

import torch

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import AnyWidth, Operation

L = TypeVar("L", bound=HasShape)


@final
class Concatenation(AnyWidth):
    """Values one after another along an axis."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        parts, axis = arguments
        return (algebra.concatenate(parts, axis=axis),)


@final
class Split(Operation):
    """One value in parts along an axis."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, _, axis = arguments
        axis %= len(x.shape)
        parts, start = [], 0
        for written in instruction.outputs:
            size = written.shape[axis]
            parts.append(algebra.view(x, partial(torch.narrow, dim=axis, start=start, length=size)))
            start += size
        return tuple(parts)


OPERATIONS: Final = (
    Concatenation("aten.cat.default"),
    Split("aten.split_with_sizes.default"),
    Split("aten.split.Tensor"),
)
