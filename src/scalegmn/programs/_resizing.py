"""The same network with other widths."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.printable import printable
from scalegmn.programs.operations import OPERATIONS, written_without_numbers

from ._program import Instruction, Program, ValueType
from ._running import filled


def at_widths(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> Program:
    """The same operations on parameters of other shapes.

    What operations write is computed anew on tensors without numbers.  Only operations whose literals are
    known to hold no widths may meet one that changes; where shapes are merged, their literals follow.

    Args:
        program: of a network.
        shapes: of all its effective parameters.

    Returns:
        The program with these shapes; inputs and outputs keep theirs.

    Raises:
        ProgramError: an operation may depend on a width that changes, widths do not fit each other, or the
            answer would have another shape.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from scalegmn import trace
        >>> from scalegmn.programs import at_widths
        >>> program = trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.zeros(1, 3))
        >>> shapes = {"0.weight": (6, 3), "0.bias": (6,), "2.weight": (2, 6), "2.bias": (2,)}
        >>> at_widths(program, shapes).parameters[0].type.shape
        (6, 3)
    """
    parameters = tuple(
        dataclasses.replace(one, type=dataclasses.replace(one.type, shape=tuple(shapes[one.name])))
        for one in program.parameters
    )
    if parameters == program.parameters:
        return program
    old = program.types()
    given = dataclasses.replace(program, parameters=parameters, instructions=())
    values = [_empty(one) for one in given.types()]
    instructions = []
    for instruction in program.instructions:
        renewed, written = _renewed(instruction, old, values)
        instructions.append(renewed)
        values.extend(written)
    found = dataclasses.replace(program, parameters=parameters, instructions=tuple(instructions))
    new = found.types()
    for operand in program.outputs:
        if new[operand.index] != old[operand.index]:
            raise ProgramError(
                f"with these shapes the answer has shape {new[operand.index].shape}, expected "
                f"{old[operand.index].shape} as in the known network; give one with the same answers"
            )
    return found


def _renewed(
    instruction: Instruction, old: Sequence[ValueType], values: Sequence[Tensor]
) -> tuple[Instruction, tuple[Tensor, ...]]:
    """An instruction at other widths, and what it writes."""
    operands = [operand.index for operand in instruction.operands()]
    if all(tuple(values[index].shape) == old[index].shape for index in operands):
        return instruction, tuple(_empty(one) for one in instruction.outputs)
    place = f"{instruction.operation} of {instruction.module or 'the network itself'}"
    operation = OPERATIONS.get(instruction.operation)
    first = operands[0]
    arguments = operation.resized(
        instruction.arguments, before=old[first].shape, after=tuple(values[first].shape)
    )
    if arguments is None:
        raise ProgramError(
            f"{place} may depend on a width that is another one here, expected operations that do not; trace "
            "the network of this width"
        )
    try:
        written = written_without_numbers(operation, [filled(argument, values) for argument in arguments])
    # PyTorch has all of these for shapes that do not fit.
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        words = printable(str(error).strip().partition("\n")[0], limit=160)
        raise ProgramError(f"the shapes do not fit each other at {place}: {words}") from error
    outputs = tuple(
        dataclasses.replace(one, shape=tuple(value.shape))
        for one, value in zip(instruction.outputs, written, strict=True)
    )
    return dataclasses.replace(instruction, arguments=arguments, outputs=outputs), written


def _empty(type_: ValueType) -> Tensor:
    return torch.empty(type_.shape, dtype=getattr(torch, type_.dtype), device="meta")
