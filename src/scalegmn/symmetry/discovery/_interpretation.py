"""A program, run with labels in place of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Argument, Instruction, Operand, Program
from scalegmn.programs.operations import OPERATIONS

from ._label_algebra import LabelAlgebra
from ._labels import Labels, core


def interpret(program: Program, algebra: LabelAlgebra) -> list[Labels | None]:
    """Run a program in an algebra.

    Args:
        program: a network.
        algebra: made for its parameters; afterwards it holds all conditions.

    Returns:
        Labels of all values by index, as they were when they were written; None for outputs that an
        operation does not describe.

    Raises:
        SymmetryError: an operation fails, or writes labels of a wrong shape.
    """
    values: list[Labels | None] = [algebra.input(given) for given in program.inputs]
    values.extend(algebra.parameter(index) for index in range(len(program.parameters)))
    values.extend(algebra.constant(constant.tensor()) for constant in program.constants)
    for instruction in program.instructions:
        algebra.enter(instruction)
        written = _written(instruction, _filled(instruction.arguments, values), algebra)
        _check(instruction, written)
        values.extend([*written, *([None] * (len(instruction.outputs) - len(written)))])
    types = program.types()
    for operand in program.outputs:
        if types[operand.index].is_floating:
            algebra.output(_present(values[operand.index]))
    return values


def _written(instruction: Instruction, arguments: Sequence[Any], algebra: LabelAlgebra) -> tuple[Labels, ...]:
    operation = OPERATIONS.get(instruction.operation)
    labels = list(_labels(arguments))
    known = [x.known for x in labels]
    if labels and all(value is not None for value in known):
        return tuple(algebra.constant(value) for value in operation.run(*_known(arguments)))
    return operation.interpret(algebra, arguments, instruction)


def _check(instruction: Instruction, written: Sequence[Labels]) -> None:
    for labels, type_ in zip(written, instruction.outputs, strict=False):
        if tuple(labels.shape) != type_.shape:
            raise SymmetryError(
                f"the rule of {instruction.operation} writes labels of shape {tuple(labels.shape)} in "
                f"{instruction.module or 'the network itself'}, expected {type_.shape}; mend its interpret()"
            )


def _filled(argument: Argument | tuple[Argument, ...], values: Sequence[Labels | None]) -> Any:
    if isinstance(argument, Operand):
        return _present(values[argument.index])
    if isinstance(argument, tuple):
        return tuple(_filled(part, values) for part in argument)
    return argument


def _labels(argument: Any) -> Any:
    if isinstance(argument, Labels):
        yield argument
    elif isinstance(argument, tuple):
        for part in argument:
            yield from _labels(part)


def _known(argument: Any) -> Any:
    if isinstance(argument, Labels):
        return argument.known
    if isinstance(argument, tuple):
        return tuple(_known(part) for part in argument)
    return argument


def _present(labels: Labels | None) -> Labels:
    if labels is None:
        raise SymmetryError("an output is used that its operation does not describe; mend its interpret()")
    return labels


def evaluated(labels: Labels, numbers: Tensor) -> Tensor:
    """The sum of unknowns for every entry, with numbers in their place.

    Args:
        labels: terms with compressed ids.
        numbers: of every id.

    Returns:
        As few numbers as there are different ones, broadcast to the shape.
    """
    total = torch.zeros((), dtype=numbers.dtype)
    for term in labels.terms:
        total = total + float(term.coefficient) * numbers[core(term.ids)]
    return total.expand(labels.shape)
