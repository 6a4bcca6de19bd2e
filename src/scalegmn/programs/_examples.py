"""The function of a program at many examples at once, instruction after instruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs.operations import OPERATIONS

from ._program import Argument, Instruction, Operand, Program
from ._running import cast, effective_values, filled, last_uses, working_dtype

Touch = Callable[[int, Tensor], Tensor]


def run_examples(
    program: Program, parameters: Mapping[str, Tensor], examples: Tensor, *, touch: Touch
) -> tuple[Tensor, ...]:
    """What a network answers to many examples, all of which pass one instruction before the next one.

    So whoever looks on sees a value for all examples, and may hand on another one: batch norms whose
    statistics are those of the examples are made of this.

    Args:
        program: of one input.
        parameters: effective ones, by name.
        examples: ``(batches, *input)``, batches as the program was traced with.
        touch: is given the index of each real value that depends on the examples, and the value
            ``(batches, *shape)``; answers with what is to be handed on.

    Returns:
        The answers, ``(batches, *shape)`` each.

    Raises:
        ProgramError: the program reads several inputs, or the examples or parameters have other shapes.

    Law: where `touch` hands on what it was given, the answers are those of :func:`run_program`.
    """
    if len(program.inputs) != 1 or tuple(examples.shape[1:]) != program.inputs[0].type.shape:
        shapes = [given.type.shape for given in program.inputs]
        raise ProgramError(
            f"examples of shape {tuple(examples.shape)} for a program whose inputs have the shapes {shapes}, "
            "expected one input, and batches of it along a new first axis"
        )
    dtype = working_dtype(program, parameters)
    values: list[Any] = [cast(examples, dtype), *effective_values(parameters, program, dtype)]
    values.extend(cast(constant.tensor().to(examples.device), dtype) for constant in program.constants)
    moving = {0}
    uses = last_uses(program, first=len(values))
    for number, instruction in enumerate(program.instructions):
        own = sorted({operand.index for operand in instruction.operands()} & moving)
        written = _written_for_all(instruction, values, own)
        for value in written:
            index, value = len(values), cast(value, dtype)
            if own:
                moving.add(index)
                value = touch(index, value) if value.is_floating_point() else value
            values.append(value)
        for index in uses.get(number, ()):
            values[index] = None
    return tuple(_for_all(values[one.index], one.index in moving, len(examples)) for one in program.outputs)


def _written_for_all(
    instruction: Instruction, values: Sequence[Any], own: Sequence[int]
) -> tuple[Tensor, ...]:
    """What an instruction writes; along a new first axis if it reads values that depend on the examples."""
    operation = OPERATIONS.get(instruction.operation)
    if not own:
        return tuple(operation.run(*(filled(argument, values) for argument in instruction.arguments)))

    def one(*chosen: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(own, chosen, strict=True))
        return tuple(operation.run(*(_chosen(argument, values, given) for argument in instruction.arguments)))

    stacked = [values[index] for index in own]
    try:
        found: tuple[Tensor, ...] = torch.func.vmap(one)(*stacked)
    except RuntimeError:
        # Some operations cannot be batched.
        each = [one(*chosen) for chosen in zip(*stacked, strict=True)]
        found = tuple(torch.stack(parts) for parts in zip(*each, strict=True))
    return found


def _chosen(argument: Argument, values: Sequence[Any], given: Mapping[int, Tensor]) -> Any:
    if isinstance(argument, Operand):
        return given.get(argument.index, values[argument.index])
    if isinstance(argument, tuple):
        return [_chosen(part, values, given) for part in argument]
    return argument


def _for_all(value: Tensor, moves: bool, count: int) -> Tensor:
    return value if moves else value.expand(count, *value.shape)
