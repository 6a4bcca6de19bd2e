"""Whether a program hangs together: values are there before they are used, and shapes are what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.printable import printable
from scalegmn.programs import Argument, Instruction, Operand, Program, ValueType
from scalegmn.programs.operations import OPERATIONS, written_without_numbers


def check_program(program: Program) -> None:
    """Derive all types anew, without any numbers.

    Args:
        program: read from somewhere.

    Raises:
        ProgramError: a value is used before it is there, a name is given twice, an operation does not take
            its arguments, or makes something else than the program says.
    """
    _check_names("inputs", (given.name for given in program.inputs))
    _check_names("parameters", (parameter.name for parameter in program.parameters))
    _check_foldings(program)
    placed = len(program.inputs) + len(program.parameters) + len(program.constants)
    values = [_empty(type_) for type_ in program.types()[:placed]]
    for number, instruction in enumerate(program.instructions):
        place = f"instructions[{number}] ({instruction.operation})"
        for operand in instruction.operands():
            _check_there(operand, place, len(values))
        _check_outputs(instruction, place, values)
        values.extend(_empty(type_) for type_ in instruction.outputs)
    for number, operand in enumerate(program.outputs):
        _check_there(operand, f"outputs[{number}]", len(values))


def _check_names(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            raise ProgramError(
                f"the name {name!r} stands twice among the {what} of the program, or is empty, expected a "
                "name of its own for each; write the program anew with save_program"
            )
        seen.add(name)


def _check_foldings(program: Program) -> None:
    known = {parameter.name for parameter in program.parameters}
    for folding in reversed(program.foldings):
        for name in folding.effective:
            if name not in known:
                raise ProgramError(
                    f"a folding of the program makes {name}, which is none of its parameters, expected one "
                    "of them; write the program anew with save_program"
                )
            known.remove(name)
        known.update(folding.files)


def _check_there(operand: Operand, place: str, there: int) -> None:
    if not 0 <= operand.index < there:
        raise ProgramError(
            f"{place} of the program uses value {operand.index}, expected one of the {there} before it; "
            "write the program anew with save_program"
        )


def _check_outputs(instruction: Instruction, place: str, values: Sequence[Tensor]) -> None:
    try:
        arguments = [_filled(argument, values) for argument in instruction.arguments]
        written = written_without_numbers(OPERATIONS.get(instruction.operation), arguments)
        made = tuple((tuple(value.shape), value.is_floating_point()) for value in written)
    except NotImplementedError:
        # What it makes hangs on numbers; running it shows whether it fits.
        return
    except Exception as error:
        words = printable(str(error).strip().partition("\n")[0], limit=160)
        raise ProgramError(
            f"{place} of the program does not take its arguments: {type(error).__name__}: {words}; write the "
            "program anew with save_program"
        ) from error
    expected = tuple((type_.shape, type_.is_floating) for type_ in instruction.outputs)
    if made != expected:
        raise ProgramError(
            f"{place} of the program makes {_shapes(made)}, expected {_shapes(expected)}; write the program "
            "anew with save_program"
        )


def _shapes(types: Sequence[tuple[tuple[int, ...], bool]]) -> str:
    return ", ".join(f"{'x'.join(map(str, shape)) or 'a number'}" for shape, _ in types) or "nothing"


def _empty(type_: ValueType) -> Tensor:
    """A tensor with a shape and no numbers."""
    # Real numbers of all kinds are computed in one, as when the program runs.
    dtype = torch.float64 if type_.is_floating else getattr(torch, type_.dtype)
    return torch.empty(type_.shape, dtype=dtype, device="meta")


def _filled(argument: Argument, values: Sequence[Tensor]) -> Any:
    if isinstance(argument, Operand):
        return values[argument.index]
    if isinstance(argument, tuple):
        return [_filled(part, values) for part in argument]
    return argument
