"""A program, run with labels in place of numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from scalegmn.errors import SymmetryError
from scalegmn.programs.operations import OPERATIONS

from ._algebra import Algebra, HasShape
from ._program import Argument, Input, Instruction, Operand, Program

L = TypeVar("L", bound=HasShape)


class ProgramAlgebra(Algebra[L]):
    """An algebra in which whole programs are interpreted."""

    @abstractmethod
    def enter(self, instruction: Instruction) -> None:
        """Note which instruction is interpreted next."""

    @abstractmethod
    def input(self, given: Input) -> L:
        """Labels of an input."""

    @abstractmethod
    def parameter(self, index: int) -> L:
        """Labels of a parameter, before anything is known of it."""

    @abstractmethod
    def output(self, x: L) -> None:
        """Take note of a value that the network returns."""


def interpret(program: Program, algebra: ProgramAlgebra[L]) -> list[L | None]:
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
    values: list[L | None] = [algebra.input(given) for given in program.inputs]
    values.extend(algebra.parameter(index) for index in range(len(program.parameters)))
    values.extend(algebra.constant(constant.tensor()) for constant in program.constants)
    for instruction in program.instructions:
        algebra.enter(instruction)
        written = _written(instruction, values, algebra)
        _check(instruction, written)
        values.extend([*written, *([None] * (len(instruction.outputs) - len(written)))])
    types = program.types()
    for operand in program.outputs:
        if types[operand.index].is_floating:
            algebra.output(_present(values[operand.index]))
    return values


def _written(
    instruction: Instruction, values: Sequence[L | None], algebra: ProgramAlgebra[L]
) -> tuple[L, ...]:
    operation = OPERATIONS.get(instruction.operation)
    known = [_present(values[operand.index]).known for operand in instruction.operands()]
    if known and all(value is not None for value in known):
        numbers = [None if value is None else value.known for value in values]
        return tuple(
            algebra.constant(value) for value in operation.run(*_filled(instruction.arguments, numbers))
        )
    return operation.interpret(algebra, _filled(instruction.arguments, values), instruction)


def _check(instruction: Instruction, written: Sequence[HasShape]) -> None:
    for labels, type_ in zip(written, instruction.outputs, strict=False):
        if tuple(labels.shape) != type_.shape:
            raise SymmetryError(
                f"the rule of {instruction.operation} writes labels of shape {tuple(labels.shape)} in "
                f"{instruction.module or 'the network itself'}, expected {type_.shape}; fix its interpret()"
            )


def _filled(argument: Argument | tuple[Argument, ...], values: Sequence[Any]) -> Any:
    if isinstance(argument, Operand):
        return _present(values[argument.index])
    if isinstance(argument, tuple):
        return tuple(_filled(part, values) for part in argument)
    return argument


def _present(labels: L | None) -> L:
    if labels is None:
        raise SymmetryError("an output is used that its operation does not describe; fix its interpret()")
    return labels
