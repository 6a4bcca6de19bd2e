"""Products and quotients, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import Algebra, HasShape, Instruction, power

from ._operation import Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Product(Operation):
    """``x y``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.multiply(x, y),)


@final
class Quotient(Operation):
    """``x / y``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.multiply(x, algebra.apply(y, power(Fraction(-1)))),)


OPERATIONS: Final = (
    Product("aten.mul.Tensor"),
    Product("aten.mul.Scalar"),
    Quotient("aten.div.Tensor"),
    Quotient("aten.div.Scalar"),
)
