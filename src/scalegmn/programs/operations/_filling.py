"""Tensors of one number, as large as another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

import torch

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Filling(Operation):
    """One number everywhere.

    Args:
        name: in the registry.
        value: the number; None where it is the last positional argument.
        place: of the number among the arguments.
    """

    def __init__(self, name: str, *, value: float | None = None, place: int = 1) -> None:
        super().__init__(name)
        self._value = value
        self._place = place

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        value = arguments[self._place] if self._value is None else self._value
        return (algebra.constant(torch.full(instruction.outputs[0].shape, value, dtype=torch.float64)),)


OPERATIONS: Final = (
    Filling("aten.full_like.default"),
    Filling("aten.zeros_like.default", value=0.0),
    Filling("aten.ones_like.default", value=1.0),
    Filling("aten.new_full.default", place=2),
    Filling("aten.new_zeros.default", value=0.0),
    Filling("aten.new_ones.default", value=1.0),
)
