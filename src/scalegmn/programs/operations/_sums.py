"""Sums and differences of two values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import ABSOLUTE, LINEAR, RELU, Algebra, Behavior, HasShape, Instruction

from ._operation import AnyWidthOfTwo, Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Sum(AnyWidthOfTwo):
    """``x + alpha y`` or ``x - alpha y``: both summands transform alike."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (as_labels(algebra, value) for value in arguments[:2])
        return (algebra.add(x, y),)


@final
class Extreme(Operation):
    """The larger or the smaller of two numbers, or what lies between two bounds."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, *bounds = (as_labels(algebra, value) for value in arguments if value is not None)
        for bound in bounds:
            x = algebra.apply(algebra.add(x, bound), RELU)
        return (x,)


@final
class Joint(Operation):
    """A function of two numbers that are scaled or flipped together.

    Args:
        name: in the registry.
        behavior: when both are.
        each: of a function that may be applied to either of them first.
    """

    def __init__(self, name: str, behavior: Behavior, *, each: Behavior = LINEAR) -> None:
        super().__init__(name)
        self._behavior = behavior
        self._each = each

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = (algebra.apply(as_labels(algebra, value), self._each) for value in arguments)
        return (algebra.apply(algebra.add(x, y), self._behavior),)


OPERATIONS: Final = (
    *(
        Sum(f"aten.{name}")
        for name in ("add.Tensor", "add.Scalar", "sub.Tensor", "sub.Scalar", "rsub.Scalar", "rsub.Tensor")
    ),
    Extreme("aten.maximum.default"),
    Extreme("aten.minimum.default"),
    Extreme("aten.fmax.default"),
    Extreme("aten.fmin.default"),
    Extreme("aten.clamp.Tensor"),
    Extreme("aten.clamp_min.Tensor"),
    Extreme("aten.clamp_max.Tensor"),
    Joint("aten.hypot.default", LINEAR, each=ABSOLUTE),
    Joint("aten.atan2.default", Behavior(degree=Fraction(0))),
    Joint("aten.fmod.Tensor", LINEAR),
    Joint("aten.remainder.Tensor", LINEAR),
)
