"""Pairs of real numbers as complex ones, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import LINEAR, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class ComplexOfPairs(Operation):
    """``x[..., 0] + i x[..., 1]``: both parts are scaled and flipped alike, since products mix them."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        (x,) = arguments
        ordered = algebra.ordered(x, axes=(-1,), behavior=LINEAR)
        return (algebra.reduce(ordered, axes=(-1,), keepdim=False, behavior=LINEAR),)


@final
class PairsOfComplex(Operation):
    """Real and imaginary parts, side by side."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        part = algebra.view(arguments[0], lambda t: t.unsqueeze(-1))
        return (algebra.concatenate([part, part], axis=-1),)


OPERATIONS: Final = (
    ComplexOfPairs("aten.view_as_complex.default"),
    PairsOfComplex("aten.view_as_real.default"),
)
