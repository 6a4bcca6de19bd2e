"""Distances between all vectors of two sets."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import ABSOLUTE, LINEAR, Algebra, Behavior, HasShape, Instruction, Parity

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Distance(Operation):
    """``out[i, j] = (sum_k |x[i, k] - y[j, k]|^p)^(1/p)``."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, y, order = arguments[:3]
        x, y = algebra.view(x, lambda t: t.unsqueeze(-2)), algebra.view(y, lambda t: t.unsqueeze(-3))
        difference = algebra.apply(algebra.add(x, y), _IS_ANY if order == 0 else ABSOLUTE)
        return (algebra.reduce(difference, axes=(-1,), keepdim=False, behavior=LINEAR),)


_IS_ANY: Final = Behavior(degree=Fraction(0), parity=Parity.even)

OPERATIONS: Final = (Distance("aten._cdist_forward.default"),)
