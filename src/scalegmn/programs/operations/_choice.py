"""Entries of one value or of another, as a third one says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

import torch
from torch import Tensor

from scalegmn.programs import OPAQUE, Algebra, HasShape, Instruction

from ._operation import Operation, as_labels

L = TypeVar("L", bound=HasShape)


@final
class Where(Operation):
    """``x`` where a condition holds, and ``y`` elsewhere: alike, but where one is never chosen."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        condition, x, y = (as_labels(algebra, value) for value in arguments)
        if condition.known is None:
            # What is chosen goes where the condition goes; zeros and ones change no scale and no sign.
            condition = algebra.apply(condition, OPAQUE)
            x, y = algebra.multiply(x, condition), algebra.multiply(y, condition)
        else:
            x, y = only(algebra, x, condition.known), only(algebra, y, ~condition.known)
        shape = instruction.outputs[0].shape
        return (algebra.view(algebra.add(x, y), lambda t: t.expand(shape)),)


def only(algebra: Algebra[L], x: L, chosen: Tensor) -> L:
    """``x`` with zeros where it is not chosen."""
    if x.known is not None:
        return algebra.constant(torch.where(chosen, x.known, torch.zeros((), dtype=x.known.dtype)))
    return algebra.multiply(x, algebra.constant(chosen.to(torch.float64)))


OPERATIONS: Final = (Where("aten.where.self"),)
