"""Effective parameters: what a network reads of its file, where it reads only something made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from torch import Tensor

from scalegmn.programs import ValueType
from scalegmn.programs.foldings import Deviation, ShiftedParameter

from ._drafts import Draft, DraftProgram, Written, written

BATCH_NORM: Final = "aten._native_batch_norm_legit_no_training.default"
"""Batch norm at inference: a composition of four others, and an effective parameter."""


def lower_batch_norm(
    program: DraftProgram, arguments: Sequence[Any], *, output: ValueType, key: str, module: str
) -> Written:
    """``(x - mean) / deviation * gain + bias``, with the deviation as an effective parameter.

    Args:
        program: written to.
        arguments: of the operator.
        output: what it writes.
        key: of the node.
        module: where it stands.
    """
    x, gain, bias, mean, variance, _, eps = arguments
    aligned = (1, output.shape[1], *(1 for _ in output.shape[2:]))
    channels = ValueType(aligned, output.dtype)
    deviation = _deviation(program, variance, gain, float(eps))
    if deviation is None:
        deviation = _computed_deviation(program, variance, float(eps), output=output, key=key, module=module)
    for operation, value in (("sub", mean), ("div", deviation), ("mul", gain), ("add", bias)):
        if value is None:
            continue
        value = program.emit("aten.view.default", (value, aligned), output=channels, key=key, module=module)
        factor = (1,) if operation in ("sub", "add") else ()
        x = program.emit(
            f"aten.{operation}.Tensor", (x, value, *factor), output=output, key=key, module=module
        )
    result: Written = x
    return result


def absorb_shifts(program: DraftProgram) -> None:
    """Let effective parameters stand for ``parameter + constant`` where nothing else is read of them."""
    for value, parameter in program.parameters:
        uses = [draft for draft in program.instructions if value in written(draft.arguments)]
        constants = {_added(draft, value) for draft in uses}
        # What is returned is read as well.
        if len(constants) != 1 or value in written(tuple(program.outputs)):
            continue
        (constant,) = constants
        if constant is not None:
            program.foldings.append(ShiftedParameter(name=parameter.name, constant=constant))
            program.remove(uses, instead=value)


def _deviation(program: DraftProgram, variance: Written, gain: Any, eps: float) -> Written | None:
    """The effective parameter in place of a variance; None if the variance is no parameter of its own."""
    names = {value: parameter.name for value, parameter in program.parameters}
    for index, (value, parameter) in enumerate(program.parameters):
        if value == variance and not parameter.positive:
            folding = Deviation(
                variance=parameter.name,
                deviation=f"{parameter.name.removesuffix('var')}deviation",
                eps=eps,
                gain=names.get(gain),
            )
            program.foldings.append(folding)
            effective = replace(parameter, name=folding.deviation, positive=True)
            program.parameters[index] = (value, effective)
        if value == variance:
            return variance
    return None


def _computed_deviation(
    program: DraftProgram, variance: Any, eps: float, *, output: ValueType, key: str, module: str
) -> Written:
    """``sqrt(variance + eps)`` of a variance that was computed: repeated for each example, as a rule."""
    channels = ValueType((output.shape[1],), output.dtype)
    shifted = program.emit("aten.add.Tensor", (variance, eps, 1), output=channels, key=key, module=module)
    return program.emit("aten.sqrt.default", (shifted,), output=channels, key=key, module=module)


def _added(draft: Draft, parameter: Written) -> float | None:
    """The number that is added to a parameter, if that is what a draft does and nothing else."""
    if draft.operation not in ("aten.add.Tensor", "aten.add.Scalar") or draft.arguments[2:] != (1,):
        return None
    others = [value for value in draft.arguments[:2] if value != parameter]
    if len(others) != 1 or isinstance(others[0], Written):
        return None
    if isinstance(others[0], Tensor):
        return float(others[0]) if others[0].numel() == 1 else None
    return float(others[0])
