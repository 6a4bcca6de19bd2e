"""Numbers kept between bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import LINEAR, ODD, OPAQUE, RELU, Algebra, Behavior, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Clamp(Operation):
    """``min(max(x, low), high)``; its bounds say what it lets through."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, *bounds = (*arguments, None)[:3]
        low, high = (None if bound is None else float(bound) for bound in bounds)
        return (algebra.apply(x, between(low, high)),)


def between(low: float | None, high: float | None) -> Behavior:
    """How a clamp behaves: as relu with a bound of 0 alone, odd with opposite bounds."""
    if low is None and high is None:
        return LINEAR
    if {low, high} == {0, None}:
        return RELU
    if low is not None and high is not None and low == -high:
        return ODD
    return OPAQUE


OPERATIONS: Final = (
    Clamp("aten.clamp.default"),
    Clamp("aten.clamp_min.default"),
    Clamp("aten.hardtanh.default"),
)
