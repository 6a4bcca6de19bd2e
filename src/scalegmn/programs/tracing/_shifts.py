"""Parameters that a network reads only after a constant was added, as effective parameters."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor

from scalegmn.programs import ValueType
from scalegmn.programs.foldings import ShiftedParameter

from ._drafts import Draft, DraftProgram, Written, written

Shift: TypeAlias = tuple[float, bool]
"""What is added to a parameter, and whether the sum is negated then."""


def absorb_shifts(program: DraftProgram) -> None:
    """Let effective parameters stand for ``parameter + constant`` where nothing else is read of them.

    ``parameter - constant`` is one as well, ``constant - parameter`` is ``-(parameter - constant)``, and
    what is shifted several times is absorbed as often.
    """
    for value, parameter in program.parameters:
        while (constant := _shift_of_all(program, value, parameter.type)) is not None:
            program.foldings.append(ShiftedParameter(name=parameter.name, constant=constant))
            uses = [draft for draft in program.instructions if value in written(draft.arguments)]
            shifts = {draft.key: _shift(draft, value, parameter.type) for draft in uses}
            negated = [draft for draft in uses if shifts[draft.key] == (constant, True)]
            program.remove([draft for draft in uses if draft not in negated], instead=value)
            program.exchange(negated, operation="aten.neg.default", arguments=(value,))


def _shift_of_all(program: DraftProgram, value: Written, type_: ValueType) -> float | None:
    """The constant that all who read a parameter add to it."""
    uses = [draft for draft in program.instructions if value in written(draft.arguments)]
    shifts = {_shift(draft, value, type_) for draft in uses}
    constants = {None if shift is None else shift[0] for shift in shifts}
    # What is returned is read as well.
    if len(constants) != 1 or value in written(tuple(program.outputs)):
        return None
    return constants.pop()


def _shift(draft: Draft, parameter: Written, type_: ValueType) -> Shift | None:
    """What is added to a parameter, if that is what a draft does and nothing else."""
    operation = draft.operation.rpartition(".")[0]
    if operation not in ("aten.add", "aten.sub") or draft.arguments[2:] not in ((1,), ()):
        return None
    # A larger constant repeats the parameter.
    if draft.outputs[0].shape != type_.shape:
        return None
    left, right = draft.arguments[:2]
    constant = _constant(right if left == parameter else left)
    if constant is None:
        return None
    if operation == "aten.add":
        return constant, False
    return -constant, left != parameter


def _constant(value: Any) -> float | None:
    """The one number that a constant has everywhere."""
    if isinstance(value, Tensor) and not value.is_complex() and value.numel() > 0:
        low, high = value.aminmax()
        value = float(low) if torch.equal(low, high) else None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
