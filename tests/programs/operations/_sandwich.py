"""An operation between two matrices, as a program: which symmetries it lets through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, final

import torch
from torch import Tensor

from scalegmn.programs import (
    Argument,
    Constant,
    EffectiveParameter,
    Input,
    Instruction,
    Operand,
    Program,
    ValueType,
)
from scalegmn.programs.operations import OPERATIONS
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import SymmetryGroup, check_function, symmetry_group


@final
class Hidden:
    """In place of the hidden value among arguments."""


HIDDEN = Hidden()


def sandwich(name: str, *arguments: Any, shape: Sequence[int], numbers: Sequence[int] = ()) -> Program:
    """``(f(view(x A))).flatten() B`` for an operation ``f``.

    Args:
        name: of the operation.
        arguments: of the operation; HIDDEN stands for what comes from before, tensors become constants, and
            the name of an input is the second input, which are numbers.
        shape: of what comes from before, after the axis of examples.
        numbers: shape of the second input; none without it.
    """
    constants = list(_tensors(arguments))
    width, examples = prod(shape), 2
    hidden = torch.ones(examples, *shape, dtype=torch.float64)
    written = OPERATIONS.get(name).run(*_numbers(arguments, hidden, numbers))
    given = (4, width, prod(written[0].shape[1:]))
    inputs = [Input(name="x", type=ValueType((examples, given[0]), "float64"))]
    if numbers:
        inputs.append(Input(name="numbers", type=ValueType(tuple(numbers), "int64")))
    start = len(inputs) + 2 + len(constants)
    first, second = Operand(len(inputs)), Operand(len(inputs) + 1)
    places = iter(range(len(inputs) + 2, start))
    operation = Instruction(
        operation=name,
        arguments=tuple(_operands(part, Operand(start + 1), Operand(1), places) for part in arguments),
        outputs=tuple(_type(value) for value in written),
    )
    answer = Operand(start + 2)
    flat = (examples, given[2])
    after = start + 2 + len(written)
    return Program(
        inputs=tuple(inputs),
        parameters=(
            EffectiveParameter(name="A", type=ValueType(given[:2], "float64")),
            EffectiveParameter(name="B", type=ValueType((given[2], 3), "float64")),
        ),
        constants=tuple(_constant(value) for value in constants),
        instructions=(
            _instruction("aten.mm.default", (Operand(0), first), (examples, width)),
            _instruction("aten.reshape.default", (Operand(start), (examples, *shape)), (examples, *shape)),
            operation,
            _instruction("aten.reshape.default", (answer, flat), flat),
            _instruction("aten.mm.default", (Operand(after), second), (examples, 3)),
        ),
        outputs=(Operand(after + 1),),
    )


def group_of(program: Program, *, numbers: Tensor | None = None) -> SymmetryGroup:
    """Its symmetries, after random elements kept the function."""
    group = symmetry_group(program)
    # A rule that gives permutations which the function does not keep is found out here as well.
    assert not group.refused, [family.origin for family in group.refused]
    draw = generator(3)
    parameters = {
        parameter.name: torch.randn(parameter.type.shape, generator=draw, dtype=torch.float64)
        for parameter in program.parameters
    }
    x = torch.randn(program.inputs[0].type.shape, generator=draw, dtype=torch.float64)
    inputs = [x] if numbers is None else [x, numbers]
    check = check_function(group, parameters=parameters, inputs=inputs, generator=draw)
    assert check.passed, str(check)
    return group


def _instruction(name: str, arguments: tuple[Argument, ...], shape: tuple[int, ...]) -> Instruction:
    return Instruction(operation=name, arguments=arguments, outputs=(ValueType(shape, "float64"),))


def _type(value: Tensor) -> ValueType:
    return ValueType(tuple(value.shape), str(value.dtype).removeprefix("torch."))


def _constant(value: Tensor) -> Constant:
    return Constant(type=_type(value), data=value.contiguous().numpy().tobytes())


def _tensors(arguments: Any) -> Iterator[Tensor]:
    for part in arguments:
        if isinstance(part, Tensor):
            yield part
        elif isinstance(part, tuple):
            yield from _tensors(part)


def _numbers(part: Any, hidden: Tensor, numbers: Sequence[int]) -> Any:
    if isinstance(part, tuple):
        return [_numbers(item, hidden, numbers) for item in part]
    if isinstance(part, Hidden):
        return hidden
    if part == "numbers" and isinstance(part, str):
        return torch.zeros(tuple(numbers), dtype=torch.int64)
    return part


def _operands(part: Any, hidden: Operand, numbers: Operand, places: Iterator[int]) -> Argument:
    if isinstance(part, tuple):
        return tuple(_operands(item, hidden, numbers, places) for item in part)
    if isinstance(part, Hidden):
        return hidden
    if isinstance(part, Tensor):
        return Operand(next(places))
    if part == "numbers" and isinstance(part, str):
        return numbers
    found: Argument = part
    return found
