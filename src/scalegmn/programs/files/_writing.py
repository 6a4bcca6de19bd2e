"""Programs as plain values and as text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
from typing import Any

from scalegmn.programs import Argument, Instruction, Operand, Program, ValueType
from scalegmn.programs.foldings import kind_of_folding

from ._limits import FORMAT, VERSION


def program_to_json(program: Program) -> str:
    """A program as text: the same for equal programs, on every machine.

    Args:
        program: of registered operations.

    Law: ``program_from_json(program_to_json(program)) == program``.

    Raises:
        ProgramError: it holds a folding of a kind that is not registered.
    """
    return json.dumps(
        program_to_plain(program), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def fingerprint(program: Program) -> str:
    """The SHA-256 of a program's text, in hexadecimal: equal where programs are.

    Args:
        program: of registered operations.
    """
    return hashlib.sha256(program_to_json(program).encode()).hexdigest()


def program_to_plain(program: Program) -> dict[str, Any]:
    """A program as lists, mappings, numbers and texts, as they stand in its file."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "inputs": [{"name": given.name, **_type(given.type)} for given in program.inputs],
        "parameters": [
            {"name": one.name, **_type(one.type), "buffer": one.buffer, "positive": one.positive}
            for one in program.parameters
        ],
        "constants": [
            {**_type(one.type), "data": base64.b64encode(one.data).decode("ascii")}
            for one in program.constants
        ],
        "instructions": [_instruction(one) for one in program.instructions],
        "outputs": [operand.index for operand in program.outputs],
        "foldings": [
            {"kind": kind_of_folding(folding), **dataclasses.asdict(folding)}  # type: ignore[call-overload]
            for folding in program.foldings
        ],
    }


def _type(type_: ValueType) -> dict[str, Any]:
    return {"shape": list(type_.shape), "dtype": type_.dtype}


def _instruction(instruction: Instruction) -> dict[str, Any]:
    return {
        "operation": instruction.operation,
        "arguments": [_argument(argument) for argument in instruction.arguments],
        "outputs": [_type(written) for written in instruction.outputs],
        "module": instruction.module,
    }


def _argument(argument: Argument) -> Any:
    if isinstance(argument, Operand):
        return {"value": argument.index}
    if isinstance(argument, tuple):
        return [_argument(part) for part in argument]
    if isinstance(argument, float) and not math.isfinite(argument):
        # JSON has no words for these; a mask is -inf, and a bound that is none is inf.
        return {"number": repr(argument)}
    return argument
