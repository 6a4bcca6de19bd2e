"""The function of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.printable import printable
from scalegmn.programs.operations import OPERATIONS

from ._program import Argument, Instruction, Operand, Program


def run_program(
    program: Program, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Compute what a network answers.

    Args:
        program: the network.
        parameters: effective ones, by name; their dtype is that of the computation, whatever the module cast
            to on its way.
        inputs: in the order of the program.

    Shapes:
        all as the program says.

    Raises:
        ProgramError: something is missing, or has another shape.
    """
    try:
        return _answers(program, parameters, inputs)
    except ProgramError:
        raise
    # PyTorch has all of these for arguments that do not fit.
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        words = printable(str(error).strip().partition("\n")[0], limit=200)
        raise ProgramError(
            f"the program cannot be run on these tensors: {words}; expected the kinds of numbers and the "
            "device that it was traced with"
        ) from error


def run_programs(
    program: Program, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """What many networks of one program answer to the same inputs, all at once where that is possible.

    Args:
        program: of all of them.
        parameters: by name, each stacked over the networks along a new first axis.
        inputs: in the order of the program, the same for all networks.

    Shapes:
        - parameters: ``(networks, *shape)``
        - Output: ``(networks, *shape)`` each

    Raises:
        ProgramError: something is missing or has another shape, or the numbers of networks differ.

    Law: the answers of each network are those of :func:`run_program`, to rounding.
    """
    stacked = {parameter.name: _parameter(parameters, parameter.name) for parameter in program.parameters}
    counts = sorted({value.shape[0] if value.ndim else 0 for value in stacked.values()})
    if len(counts) != 1 or counts == [0]:
        raise ProgramError(
            f"parameters are given for {' and '.join(map(str, counts)) or 'no'} networks, expected the same "
            "number for each, and at least one; stack them along a new first axis"
        )
    try:
        answers: tuple[Tensor, ...] = torch.func.vmap(lambda chosen: _answers(program, chosen, inputs))(
            stacked
        )
    except RuntimeError:
        # Some operations cannot be batched; these programs are run one network after the other.
        each = [
            run_program(program, {name: value[number] for name, value in stacked.items()}, inputs)
            for number in range(counts[0])
        ]
        return tuple(torch.stack(parts) for parts in zip(*each, strict=True))
    return answers


def watch_program(
    program: Program,
    parameters: Mapping[str, Tensor],
    inputs: Sequence[Tensor],
    *,
    nudges: Mapping[int, Tensor],
) -> tuple[tuple[Tensor, ...], dict[int, Tensor]]:
    """What a network answers, and values on its way, to each of which something is added.

    Derivatives of the answers by a nudge of zeros are those by the value.

    Args:
        program: the network.
        parameters: effective ones, by name.
        inputs: in the order of the program.
        nudges: what is added to real values that instructions write, by their index.

    Returns:
        The answers, and the nudged values by index.

    Raises:
        ProgramError: a parameter or an input is missing, or has another shape.
    """
    seen: dict[int, Tensor] = {}
    answers = _answers(program, parameters, inputs, nudges=nudges, seen=seen)
    return answers, seen


def _answers(
    program: Program,
    parameters: Mapping[str, Tensor],
    inputs: Sequence[Tensor],
    *,
    nudges: Mapping[int, Tensor] | None = None,
    seen: dict[int, Tensor] | None = None,
) -> tuple[Tensor, ...]:
    dtype = working_dtype(program, parameters)
    values: list[Any] = [*_given(inputs, program, dtype), *effective_values(parameters, program, dtype)]
    device = values[0].device if values else torch.device("cpu")
    values.extend(cast(constant.tensor().to(device), dtype) for constant in program.constants)
    uses = last_uses(program, first=len(values))
    for number, instruction in enumerate(program.instructions):
        first = len(values)
        values.extend(cast(value, dtype) for value in _written(instruction, values))
        if nudges and seen is not None:
            for index in range(first, len(values)):
                if index in nudges:
                    seen[index] = values[index] = values[index] + nudges[index]
        # What nothing asks for any more makes room.
        for index in uses.get(number, ()):
            values[index] = None
    return tuple(values[operand.index] for operand in program.outputs)


def _written(instruction: Instruction, values: Sequence[Any]) -> tuple[Tensor, ...]:
    arguments = [filled(argument, values) for argument in instruction.arguments]
    written = OPERATIONS.get(instruction.operation).run(*arguments)
    shapes = tuple(tuple(value.shape) for value in written)
    expected = tuple(type_.shape for type_ in instruction.outputs)
    if shapes != expected:
        raise ProgramError(
            f"{instruction.operation} of {instruction.module or 'the network itself'} makes the shapes "
            f"{shapes}, expected {expected}; trace the network again"
        )
    return written


def last_uses(program: Program, *, first: int) -> dict[int, list[int]]:
    """Values from an index on that nothing asks for behind an instruction, by its number."""
    last = {
        operand.index: number
        for number, instruction in enumerate(program.instructions)
        for operand in instruction.operands()
        if operand.index >= first
    }
    returned = {operand.index for operand in program.outputs}
    uses: dict[int, list[int]] = {}
    for index, number in last.items():
        if index not in returned:
            uses.setdefault(number, []).append(index)
    return uses


def working_dtype(program: Program, parameters: Mapping[str, Tensor]) -> torch.dtype:
    for parameter in program.parameters:
        value = parameters.get(parameter.name)
        if value is not None and value.is_floating_point():
            return value.dtype
    return torch.get_default_dtype()


def _given(inputs: Sequence[Tensor], program: Program, dtype: torch.dtype) -> list[Tensor]:
    if len(inputs) != len(program.inputs):
        raise ProgramError(
            f"{len(inputs)} inputs are given, expected {len(program.inputs)}: "
            f"{', '.join(given.name for given in program.inputs)}"
        )
    for value, expected in zip(inputs, program.inputs, strict=True):
        if tuple(value.shape) != expected.type.shape:
            raise ProgramError(
                f"input {expected.name} has shape {tuple(value.shape)}, expected {expected.type.shape}, with "
                "which the network was traced; trace it again with an example of this size"
            )
    return [cast(value, dtype) for value in inputs]


def effective_values(parameters: Mapping[str, Tensor], program: Program, dtype: torch.dtype) -> list[Tensor]:
    found = []
    for parameter in program.parameters:
        value = _parameter(parameters, parameter.name)
        if tuple(value.shape) != parameter.type.shape:
            raise ProgramError(
                f"the parameter {parameter.name} has shape {tuple(value.shape)}, expected "
                f"{parameter.type.shape}; give the parameters of a network of this program"
            )
        found.append(cast(value, dtype))
    return found


def _parameter(parameters: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in parameters:
        raise ProgramError(f"the parameter {name} is missing; give the effective parameters of this network")
    return parameters[name]


def cast(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value


def filled(argument: Argument, values: Sequence[Any]) -> Any:
    if isinstance(argument, Operand):
        return values[argument.index]
    if isinstance(argument, tuple):
        return [filled(part, values) for part in argument]
    return argument
