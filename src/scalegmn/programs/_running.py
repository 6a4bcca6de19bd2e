"""The function of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs.operations import OPERATIONS

from ._program import Argument, Operand, Program


def run_program(
    program: Program, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Compute what a network answers.

    Args:
        program: the network.
        parameters: effective ones, by name; their dtype is that of the computation, whatever the module cast
            to.
        inputs: of the shapes that the program was traced with.

    Returns:
        The outputs, flat.

    Raises:
        ProgramError: a parameter or an input is missing or of another shape.
    """
    dtype = _working_dtype(program, parameters)
    values: list[Tensor] = [
        *_given(inputs, program, dtype),
        *(_parameter(parameters, parameter.name, parameter.type.shape) for parameter in program.parameters),
        *(_cast(constant.tensor(), dtype) for constant in program.constants),
    ]
    for instruction in program.instructions:
        operation = OPERATIONS.get(instruction.operation)
        arguments = [_filled(argument, values) for argument in instruction.arguments]
        written = operation.run(*arguments)
        values.extend(_cast(value, dtype) for value in written)
    return tuple(values[operand.index] for operand in program.outputs)


def _working_dtype(program: Program, parameters: Mapping[str, Tensor]) -> torch.dtype:
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
    return [_cast(value, dtype) for value in inputs]


def _parameter(parameters: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    if name not in parameters:
        raise ProgramError(f"the parameter {name} is missing; give the effective parameters of this network")
    if tuple(parameters[name].shape) != shape:
        raise ProgramError(
            f"the parameter {name} has shape {tuple(parameters[name].shape)}, expected {shape}"
        )
    return parameters[name]


def _cast(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value


def _filled(argument: Argument, values: Sequence[Tensor]) -> Any:
    if isinstance(argument, Operand):
        return values[argument.index]
    if isinstance(argument, tuple):
        return [_filled(part, values) for part in argument]
    return argument
