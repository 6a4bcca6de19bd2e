"""Softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import OPAQUE, Algebra, HasShape, Instruction

from ._operation import AnyWidth

L = TypeVar("L", bound=HasShape)


@final
class Softmax(AnyWidth):
    """``exp(x) / sum exp(x)`` along an axis, or its logarithm."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        return (algebra.couple(arguments[0], axes=(arguments[1],), behavior=OPAQUE),)


OPERATIONS: Final = (Softmax("aten._softmax.default"), Softmax("aten._log_softmax.default"))
