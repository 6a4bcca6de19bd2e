"""Entries of one value around others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Padding(Operation):
    """Constant padding; widths are given for the last axis first, and cut where they are negative."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, widths, value = arguments
        untouched = (0,) * (len(x.shape) - len(widths) // 2)
        before = (*untouched, *reversed(widths[::2]))
        after = (*untouched, *reversed(widths[1::2]))
        return (algebra.pad(x, before=before, after=after, value=float(value)),)


OPERATIONS: Final = (Padding("aten.constant_pad_nd.default"),)
