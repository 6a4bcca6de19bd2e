"""Batch norm at inference: a composition of four operations, and the deviation as an effective parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from scalegmn.programs import EffectiveParameter, ValueType
from scalegmn.programs.foldings import Deviation

from ._drafts import Draft, DraftProgram, Norm, Written, written

BATCH_NORM: Final = "aten._native_batch_norm_legit_no_training.default"


def lower_batch_norm(
    program: DraftProgram, arguments: Sequence[Any], *, output: ValueType, key: str, module: str
) -> Written:
    """``(x - mean) / sqrt(variance + eps) * gain + bias``.

    Args:
        program: written to.
        arguments: of the operator.
        output: what it writes.
        key: of the node.
        module: where it stands.
    """
    x, gain, bias, mean, variance, _, eps = arguments
    aligned = (1, output.shape[1], *(1 for _ in output.shape[2:]))
    of_channels = ValueType((output.shape[1],), output.dtype)
    over_entries = ValueType(aligned, output.dtype)
    shifted = program.emit(
        "aten.add.Tensor", (variance, float(eps), 1), output=of_channels, key=key, module=module
    )
    deviation = program.emit("aten.sqrt.default", (shifted,), output=of_channels, key=key, module=module)
    program.norms.append(
        Norm(variance=_value(variance), gain=_value(gain), eps=float(eps), shifted=shifted, root=deviation)
    )
    for operation, value in (("sub", mean), ("div", deviation), ("mul", gain), ("add", bias)):
        if value is None:
            continue
        value = program.emit(
            "aten.view.default", (value, aligned), output=over_entries, key=key, module=module
        )
        factor = (1,) if operation in ("sub", "add") else ()
        x = program.emit(
            f"aten.{operation}.Tensor", (x, value, *factor), output=output, key=key, module=module
        )
    result: Written = x
    return result


def absorb_deviations(program: DraftProgram) -> None:
    """Let ``sqrt(variance + eps)`` be an effective parameter, where nothing else is read of the variance.

    Norms that share a variance share its deviation if their ``eps`` agree; a variance that is read in
    another way, or that was computed, stays as it is.
    """
    uses = _uses(program)
    for index, (value, parameter) in enumerate(program.parameters):
        norms = [norm for norm in program.norms if norm.variance == value]
        folding = _folding(program, norms, parameter)
        if folding is None or len(uses[value]) != len(norms):
            continue
        gain = norms[0].gain
        if not _own_gain(gain, norms, uses):
            folding = replace(folding, gain=None)
        program.foldings.append(folding)
        effective = replace(parameter, name=folding.deviation, positive=True)
        program.parameters[index] = (value, effective)
        made = {end for norm in norms for end in (norm.shifted, norm.root)}
        program.remove([draft for draft in program.instructions if Written(draft.key) in made], instead=value)


def _folding(program: DraftProgram, norms: Sequence[Norm], parameter: EffectiveParameter) -> Deviation | None:
    """How a deviation comes from the file, if there is one for all norms, and its name is free."""
    if len({norm.eps for norm in norms}) != 1:
        return None
    names: dict[Written | None, str] = {value: other.name for value, other in program.parameters}
    name = f"{parameter.name.removesuffix('var')}deviation"
    if name in names.values():
        return None
    return Deviation(variance=parameter.name, deviation=name, eps=norms[0].eps, gain=names.get(norms[0].gain))


def _own_gain(gain: Written | None, norms: Sequence[Norm], uses: dict[Written, list[Draft]]) -> bool:
    """Whether a gain multiplies what these norms divide, and nothing else."""
    return gain is not None and all(norm.gain == gain for norm in norms) and len(uses[gain]) == len(norms)


def _value(argument: Any) -> Written | None:
    """What is computed or read; None for constants, and for what is not there."""
    return argument if isinstance(argument, Written) else None


def _uses(program: DraftProgram) -> dict[Written, list[Draft]]:
    """What reads each parameter; what is returned counts as read once more."""
    uses: dict[Written, list[Draft]] = {value: [] for value, _ in program.parameters}
    for draft in program.instructions:
        for value in written(draft.arguments):
            uses.setdefault(value, []).append(draft)
    for value in written(tuple(program.outputs)):
        uses.setdefault(value, []).append(_RETURN)
    return uses


_RETURN: Final = Draft(key="", operation="", arguments=(), outputs=(), module="")
