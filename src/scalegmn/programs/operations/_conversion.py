"""Numbers of one kind as numbers of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import OPAQUE, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Conversion(Operation):
    """Real numbers of integers, which stay what they are, or integers of real numbers, which have to."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x = arguments[0]
        return (x if instruction.outputs[0].is_floating else algebra.apply(x, OPAQUE),)


OPERATIONS: Final = (Conversion("aten._to_copy.default"),)
