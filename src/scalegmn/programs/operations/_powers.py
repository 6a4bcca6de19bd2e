"""Powers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import OPAQUE, Algebra, HasShape, Instruction, power

from ._operation import Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Power(Operation):
    """``x^p`` with a number ``p``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        return (algebra.apply(arguments[0], power(Fraction(arguments[1]).limit_denominator(1000))),)


@final
class FixedPower(Operation):
    """A power with a name of its own.

    Args:
        name: in the registry.
        exponent: ``p``.
    """

    def __init__(self, name: str, exponent: Fraction) -> None:
        super().__init__(name)
        self._exponent = exponent

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        return (algebra.apply(arguments[0], power(self._exponent)),)


@final
class AnyPower(Operation):
    """``x^y``, where ``y`` is no fixed number: both stay what they are."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (algebra.apply(as_labels(algebra, value), OPAQUE) for value in arguments)
        return (algebra.add(x, y),)


OPERATIONS: Final = (
    AnyPower("aten.pow.Scalar"),
    AnyPower("aten.pow.Tensor_Tensor"),
    Power("aten.pow.Tensor_Scalar"),
    FixedPower("aten.sqrt.default", Fraction(1, 2)),
    FixedPower("aten.rsqrt.default", Fraction(-1, 2)),
    FixedPower("aten.reciprocal.default", Fraction(-1)),
)
