"""Products and quotients, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import (
    ABSOLUTE,
    LINEAR,
    ODD,
    OPAQUE,
    Algebra,
    Behavior,
    HasShape,
    Instruction,
    power,
)

from ._operation import AnyWidthOfTwo, Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Product(AnyWidthOfTwo):
    """``x y``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.multiply(x, y),)


@final
class Quotient(AnyWidthOfTwo):
    """``x / y``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.multiply(x, algebra.apply(y, power(Fraction(-1)))),)


@final
class RoundedQuotient(Operation):
    """``x / y``, rounded toward 0, or down."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        quotient = algebra.multiply(x, algebra.apply(y, power(Fraction(-1))))
        return (algebra.apply(quotient, _ROUNDED[arguments[2]]),)


@final
class SignOfAnother(Operation):
    """``|x| sign(y)``; 0 has a sign here, so that ``y`` keeps its own."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments)
        sign = algebra.apply(y, Behavior(degree=Fraction(0)))
        return (algebra.multiply(algebra.apply(x, ABSOLUTE), sign),)


_ROUNDED: Final = {None: LINEAR, "trunc": ODD, "floor": OPAQUE}

OPERATIONS: Final = (
    Product("aten.mul.Tensor"),
    Product("aten.mul.Scalar"),
    Quotient("aten.div.Tensor"),
    Quotient("aten.div.Scalar"),
    RoundedQuotient("aten.div.Tensor_mode"),
    RoundedQuotient("aten.div.Scalar_mode"),
    SignOfAnother("aten.copysign.Tensor"),
    SignOfAnother("aten.copysign.Scalar"),
)
