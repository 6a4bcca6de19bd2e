"""Entries put elsewhere, left out or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

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


@final
class Reshape(Operation):
    """The same entries in another shape, wherever they lie in memory."""

    def run(self, *arguments: Any) -> tuple[Tensor, ...]:
        x, shape = arguments
        return (x.reshape(list(shape)),)

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        shape = instruction.outputs[0].shape
        return (algebra.view(arguments[0], lambda entries: entries.reshape(shape)),)


OPERATIONS: Final = tuple(
    Reshape(f"aten.{name}") for name in ("view.default", "reshape.default", "_unsafe_view.default")
) + tuple(
    View(f"aten.{name}")
    for name in (
        "expand.default",
        "permute.default",
        "select.int",
        "slice.Tensor",
        "squeeze.dim",
        "squeeze.dims",
        "squeeze.default",
        "t.default",
        "transpose.int",
        "unsqueeze.default",
        "flip.default",
        "roll.default",
        "repeat.default",
    )
)
