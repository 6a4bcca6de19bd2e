"""Sums and differences of two values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import RELU, Algebra, HasShape, Instruction

from ._operation import Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Sum(Operation):
    """``x + alpha y`` or ``x - alpha y``: both summands transform alike."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.add(x, y),)


@final
class Extreme(Operation):
    """The larger or the smaller of two numbers."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        return (algebra.apply(algebra.add(*arguments), RELU),)


OPERATIONS: Final = (
    *(
        Sum(f"aten.{name}")
        for name in ("add.Tensor", "add.Scalar", "sub.Tensor", "sub.Scalar", "rsub.Scalar", "rsub.Tensor")
    ),
    Extreme("aten.maximum.default"),
    Extreme("aten.minimum.default"),
)
