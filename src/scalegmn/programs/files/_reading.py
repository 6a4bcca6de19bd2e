"""Programs from plain values and from text, which may be anybody's: every bound is checked."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable
from typing import Any

import torch

from scalegmn.configuration import parse_json
from scalegmn.errors import ProgramError
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
from scalegmn.programs.foldings import folding_from_plain
from scalegmn.programs.operations import OPERATIONS

from ._checking import check_program
from ._fields import entries_of, list_of, refuse, text, truth, whole
from ._limits import (
    ARGUMENTS,
    CONSTANTS,
    ENTRIES,
    FORMAT,
    KINDS,
    NESTING,
    PARTS,
    RANK,
    VALUES,
    VERSION,
    WHOLE,
)

_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def program_from_json(content: str | bytes) -> Program:
    """A program from its text.

    Nothing in the text is executed: operations are looked up in the list of registered ones, and shapes are
    derived anew.

    Args:
        content: what :func:`program_to_json` wrote.

    Raises:
        ProgramError: it is damaged, too large, or no program.
        UnsupportedOperationError: it names an operation that is not registered.
    """
    try:
        data = parse_json(content)
    except ValueError as error:
        raise ProgramError(f"the text of a program cannot be read: {error}, expected JSON") from error
    return program_from_plain(data)


def program_from_plain(data: object) -> Program:
    """A program from plain values.

    Raises:
        ProgramError: they are no program.
        UnsupportedOperationError: an operation is not registered.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        what = data.get("version") if isinstance(data, dict) else data
        raise refuse(what, "the version", f"{VERSION} of the format {FORMAT!r}")
    names = ("inputs", "parameters", "constants", "instructions", "outputs", "foldings")
    data = entries_of(data, "the whole", ("format", "version", *names))
    parts = {name: list_of(data[name], name, most=VALUES) for name in names}
    program = Program(
        inputs=tuple(_input(*numbered) for numbered in _places(parts, "inputs")),
        parameters=tuple(_parameter(*numbered) for numbered in _places(parts, "parameters")),
        constants=tuple(_constants(_places(parts, "constants"))),
        instructions=tuple(_instruction(*numbered) for numbered in _places(parts, "instructions")),
        outputs=tuple(_operand(*numbered) for numbered in _places(parts, "outputs")),
        foldings=tuple(folding_from_plain(*numbered) for numbered in _places(parts, "foldings")),
    )
    check_program(program)
    return program


def _places(parts: dict[str, list[Any]], name: str) -> Iterable[tuple[object, str]]:
    """Each part with the words for its place."""
    return ((part, f"{name}[{index}]") for index, part in enumerate(parts[name]))


def _input(data: object, place: str) -> Input:
    data = entries_of(data, place, ("name", "shape", "dtype"))
    return Input(name=text(data["name"], f"{place}.name"), type=_type(data, place))


def _parameter(data: object, place: str) -> EffectiveParameter:
    data = entries_of(data, place, ("name", "shape", "dtype", "buffer", "positive"))
    return EffectiveParameter(
        name=text(data["name"], f"{place}.name"),
        type=_type(data, place),
        buffer=truth(data["buffer"], f"{place}.buffer"),
        positive=truth(data["positive"], f"{place}.positive"),
    )


def _constants(numbered: Iterable[tuple[object, str]]) -> Iterable[Constant]:
    left = CONSTANTS
    for data, place in numbered:
        data = entries_of(data, place, ("shape", "dtype", "data"))
        type_ = _type(data, place)
        left -= math.prod(type_.shape)
        if left < 0:
            raise refuse(type_.shape, f"{place}.shape", f"at most {CONSTANTS:,} numbers in all constants")
        yield Constant(type=type_, data=_bytes(data["data"], f"{place}.data", type_))


def _bytes(data: object, place: str, type_: ValueType) -> bytes:
    expected = math.prod(type_.shape) * torch.empty(0, dtype=getattr(torch, type_.dtype)).element_size()
    if not isinstance(data, str):
        raise refuse(data, place, "a text in base64")
    try:
        content = base64.b64decode(data.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refuse(data[:20], place, "a text in base64") from error
    if len(content) != expected:
        raise refuse(len(content), f"the number of bytes in {place}", f"{expected:,}, as its shape says")
    if type_.dtype == "bool" and content.translate(None, b"\0\1"):
        raise refuse(data[:20], place, "bytes 0 and 1, which are truth values")
    return content


def _instruction(data: object, place: str) -> Instruction:
    data = entries_of(data, place, ("operation", "arguments", "outputs", "module"))
    arguments = list_of(data["arguments"], f"{place}.arguments", most=ARGUMENTS)
    outputs = list_of(data["outputs"], f"{place}.outputs", most=PARTS)
    return Instruction(
        # Looks the name up, and says which ones there are.
        operation=OPERATIONS.get(text(data["operation"], f"{place}.operation")).name,
        arguments=tuple(
            _argument(part, f"{place}.arguments[{index}]", NESTING) for index, part in enumerate(arguments)
        ),
        outputs=tuple(
            _type(
                entries_of(part, f"{place}.outputs[{index}]", ("shape", "dtype")), f"{place}.outputs[{index}]"
            )
            for index, part in enumerate(outputs)
        ),
        module=text(data["module"], f"{place}.module"),
    )


def _argument(data: object, place: str, depth: int) -> Argument:
    if isinstance(data, list):
        if depth == 0:
            raise refuse(data, place, f"at most {NESTING} lists within each other")
        parts = list_of(data, place, most=PARTS)
        return tuple(_argument(part, f"{place}[{index}]", depth - 1) for index, part in enumerate(parts))
    if isinstance(data, dict):
        if list(data) == ["value"]:
            return _operand(data["value"], f"{place}.value")
        number = data.get("number") if list(data) == ["number"] else None
        if not isinstance(number, str) or number not in _NUMBERS:
            raise refuse(data, place, 'a literal, {"value": index} or {"number": "inf"}')
        return _NUMBERS[number]
    if isinstance(data, str):
        return text(data, place)
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, int):
        return whole(data, place, least=-WHOLE, most=WHOLE - 1)
    if not isinstance(data, float) or not math.isfinite(data):
        raise refuse(data, place, "a finite number, a text, true, false, null or a list of these")
    return data


def _operand(data: object, place: str) -> Operand:
    return Operand(whole(data, place, least=0, most=VALUES * (PARTS + 3)))


def _type(data: Any, place: str) -> ValueType:
    """Shape and kind, from the entries that stand among others."""
    shape = list_of(data["shape"], f"{place}.shape", most=RANK)
    sizes = tuple(
        whole(size, f"{place}.shape[{axis}]", least=0, most=ENTRIES) for axis, size in enumerate(shape)
    )
    if math.prod(max(size, 1) for size in sizes) > ENTRIES:
        raise refuse(sizes, f"{place}.shape", f"at most {ENTRIES:,} entries")
    if data["dtype"] not in KINDS:
        raise refuse(data["dtype"], f"{place}.dtype", f"one of {', '.join(KINDS)}")
    return ValueType(sizes, data["dtype"])
