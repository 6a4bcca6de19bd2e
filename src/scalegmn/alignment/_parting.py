"""Where two architectures part, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import singledispatch
from itertools import zip_longest
from typing import Final

from torch import Tensor

from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.networks.recognition import core_names
from scalegmn.programs import Instruction, Program, ProgramArchitecture

Shapes = Mapping[str, tuple[int, ...]]
_NOTHING: Final = "nothing"


def parting_of(first: Architecture, second: Architecture) -> str | None:
    """Where two architectures part: the first parameter that differs, or the first operation.

    Args:
        first: of one network.
        second: of another.

    Returns:
        Such as ``the first has the parameter 2.weight (8, 4), the second 2.weight (16, 4)``; None if they
        compute the same.
    """
    if first == second:
        return None
    shapes = ({one.name: one.shape for one in both.parameters} for both in (first, second))
    return parting_of_shapes(*shapes) or parting_of_operations(first, second)


def parting_of_shapes(first: Shapes, second: Shapes) -> str | None:
    """Where named shapes part; those that both have are compared first, in the order of the first."""
    for name, shape in first.items():
        if name in second and second[name] != shape:
            return f"the first has the parameter {name} {shape}, the second {name} {second[name]}"
    words = [
        next((f"{name} {one[name]}" for name in one if name not in other), _NOTHING)
        for one, other in ((first, second), (second, first))
    ]
    if words == [_NOTHING, _NOTHING]:
        return None
    return f"the first has the parameter {words[0]}, the second {words[1]} in its place"


def parting_of_states(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> str | None:
    """Where the tensors of two files part by name or shape; prefixes that all names share do not count."""
    shapes = []
    for tensors in (first, second):
        cores = core_names(tensors) or {name: name for name in tensors}
        shapes.append({core: tuple(tensors[name].shape) for core, name in cores.items()})
    return parting_of_shapes(*shapes)


@singledispatch
def parting_of_operations(first: Architecture, second: Architecture) -> str | None:
    """Where two architectures with the same parameters part; None if they compute the same.

    A new kind of architectures may register its own.
    """
    return _descriptions(first, second)


def _descriptions(first: Architecture, second: Architecture) -> str:
    return f"the first is {first.describe()}, the second {second.describe()}"


@parting_of_operations.register
def _(first: LayeredArchitecture, second: Architecture) -> str | None:
    other = second.as_layers
    if other is None:
        return f"the first is a list of layers, {first.describe()}, the second a program, {second.describe()}"
    for number, (ours, theirs) in enumerate(zip_longest(first.layers, other.layers), start=1):
        if ours != theirs:
            return f"layer {number} of the first is {ours or _NOTHING}, of the second {theirs or _NOTHING}"
    return f"the skip connections of the first are {first.skips}, of the second {other.skips}"


@parting_of_operations.register
def _(first: ProgramArchitecture, second: Architecture) -> str | None:
    other = program_in(second)
    if other is None:
        return f"the first is a program, {first.describe()}, the second none, {second.describe()}"
    return _parting_of_programs(_bare(first.program), _bare(other), modules=(first.program, other))


def _parting_of_programs(program: Program, other: Program, *, modules: tuple[Program, Program]) -> str | None:
    pairs = (
        ("input", program.inputs, other.inputs),
        ("parameter", program.parameters, other.parameters),
        ("constant", program.constants, other.constants),
    )
    for word, ours, theirs in pairs:
        for number, (one, another) in enumerate(zip_longest(ours, theirs), start=1):
            if one != another:
                return (
                    f"{word} {number} of the first is {one or _NOTHING}, of the second {another or _NOTHING}"
                )
    steps = zip_longest(program.instructions, other.instructions)
    for number, (step, their_step) in enumerate(steps):
        if step != their_step:
            named = [_named(one.instructions, number) for one in modules]
            return f"operation {number + 1} of the first is {named[0]}, of the second {named[1]}"
    return None if program == other else "they return other values, or their files hold other tensors"


@singledispatch
def program_in(architecture: Architecture) -> Program | None:
    """The program that an architecture is; None where it is none."""
    return None


@program_in.register
def _(architecture: ProgramArchitecture) -> Program:
    return architecture.program


def _bare(program: Program) -> Program:
    """Without the paths of modules, which do not matter for what is computed."""
    steps = tuple(dataclasses.replace(one, module="") for one in program.instructions)
    return dataclasses.replace(program, instructions=steps)


def _named(instructions: Sequence[Instruction], number: int) -> str:
    if number >= len(instructions):
        return _NOTHING
    instruction = instructions[number]
    shapes = " and ".join(str(one.shape) for one in instruction.outputs)
    where = f" of {instruction.module}" if instruction.module else ""
    return f"{instruction.operation}{where} with the result {shapes}"
