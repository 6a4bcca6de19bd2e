"""Comparisons, and what is done with their answers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import OPAQUE, Algebra, Behavior, HasShape, Instruction, Parity

from ._operation import Operation, as_labels
from ._reductions import Reduction

L = TypeVar("L", bound=HasShape)

_SCALED_ALIKE: Final = Behavior(degree=Fraction(0))
_SCALED_OR_FLIPPED_ALIKE: Final = Behavior(degree=Fraction(0), parity=Parity.even)
# What a positive factor leaves as it is.
_FIXED_POINTS: Final = (0, float("inf"), float("-inf"))


@final
class NumberComparison(Operation):
    """``x < y``: the same where a positive factor changes both sides alike.

    Beside a number other than 0, and than infinity, ``x`` has to stay what it is.

    Args:
        name: in the registry.
        behavior: when both sides are scaled or flipped together.
    """

    def __init__(self, name: str, behavior: Behavior) -> None:
        super().__init__(name)
        self._behavior = behavior

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y = arguments
        if isinstance(y, (bool, int, float)):
            behavior = self._behavior if y == 0 else _SCALED_ALIKE if y in _FIXED_POINTS else OPAQUE
            return (algebra.apply(x, behavior),)
        return (algebra.apply(algebra.add(x, y), self._behavior),)


@final
class Logic(Operation):
    """And, or, not: of numbers that say only whether they are 0."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        first, *others = (
            algebra.apply(as_labels(algebra, value), _SCALED_OR_FLIPPED_ALIKE) for value in arguments
        )
        for other in others:
            first = algebra.add(first, other)
        return (first,)


OPERATIONS: Final = (
    *(
        NumberComparison(f"aten.{name}.{kind}", _SCALED_ALIKE)
        for name in ("lt", "le", "gt", "ge")
        for kind in ("Scalar", "Tensor")
    ),
    *(
        NumberComparison(f"aten.{name}.{kind}", _SCALED_OR_FLIPPED_ALIKE)
        for name in ("eq", "ne")
        for kind in ("Scalar", "Tensor")
    ),
    *(Logic(f"aten.logical_{name}.default") for name in ("and", "or", "xor", "not")),
    *(
        Logic(f"aten.{name}")
        for name in (
            "bitwise_and.Tensor",
            "bitwise_or.Tensor",
            "bitwise_not.default",
            "isnan.default",
            "isinf.default",
        )
    ),
    *(
        Reduction(f"aten.{name}.{kind}", _SCALED_OR_FLIPPED_ALIKE)
        for name in ("any", "all")
        for kind in ("dim", "dims", "default")
    ),
)
