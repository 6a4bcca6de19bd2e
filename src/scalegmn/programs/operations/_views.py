"""Entries put elsewhere, left out or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class View(Operation):
    """Any rearrangement of entries that the operator itself can do to integers, with one output."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, *rest = arguments
        return (algebra.view(x, lambda entries: self.run(entries, *rest)[0]),)


OPERATIONS: Final = tuple(
    View(f"aten.{name}")
    for name in ("expand.default", "permute.default", "select.int", "slice.Tensor", "view.default")
)
