"""The parent's side of an answer: every field of what a worker says is checked before it is believed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, final

from scalegmn.checkpoints import ITEM_SIZES, Contents, ContentsEntry, Opaque, Place, Plain, RawTensor
from scalegmn.checkpoints.worker._channel import BrokenError
from scalegmn.checkpoints.worker._describing import MOST_INTEGER
from scalegmn.checkpoints.worker._limits import MOST_ENTRIES, MOST_LINE_BYTES
from scalegmn.printable import printable

FORMATS: Final = ("torch", "torch_legacy", "safetensors", "npz", "pickle", "hdf5", "keras", "onnx")
_MOST_AXES: Final = 64
_MOST_SIZE: Final = 2**63
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FLOAT: Final = re.compile(r"-?(nan|inf|0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4})")


@final
@dataclass(frozen=True)
class WorkerRefusal:
    """The worker cannot read the file, and says why."""

    reason: str
    unsafe: bool


@final
@dataclass(frozen=True, eq=False)
class Outline:
    """What a file holds, with tensors that have no numbers yet: their ``data`` is empty."""

    sha256: str
    contents: Contents


def check_answer(answer: bytes | bytearray, *, max_bytes: int) -> Outline | WorkerRefusal:
    """What a worker says about a file.

    Args:
        answer: lines of JSON, see :mod:`scalegmn.checkpoints.worker._describing`.
        max_bytes: that all tensors together may have.

    Raises:
        BrokenError: any part of it is not what a worker says.
    """
    lines = _lines(answer)
    first = _parsed(next(lines))
    if not isinstance(first, dict):
        raise BrokenError("the first line is no object")
    if set(first) == {"reason", "unsafe"}:
        _expect(next(lines, None) is None, "lines follow a refusal")
        return WorkerRefusal(reason=_text(first["reason"]), unsafe=_truth(first["unsafe"]))
    _expect(set(first) == {"format", "sha256", "notes", "entries"}, "the first line has other fields")
    _expect(first["format"] in FORMATS, "the format is unknown")
    sha256 = _text(first["sha256"])
    _expect(_SHA256.fullmatch(sha256) is not None, "the checksum is none")
    notes = _whole(first["notes"], below=MOST_ENTRIES + 1)
    entries = _whole(first["entries"], below=MOST_ENTRIES + 1)
    contents = Contents(
        format=first["format"],
        notes=tuple(_text(_parsed(_next(lines))) for _ in range(notes)),
        entries=tuple(_entry(_parsed(_next(lines))) for _ in range(entries)),
    )
    _expect(next(lines, None) is None, "lines follow the last entry")
    total = sum(entry.value.nbytes for entry in contents.entries if isinstance(entry.value, RawTensor))
    _expect(total <= max_bytes, f"the tensors have {total:,} bytes, more than {max_bytes:,}")
    return Outline(sha256=sha256, contents=contents)


def parse_object(content: bytes | bytearray) -> dict[str, Any]:
    """One object of JSON that is not nested deeply.

    Raises:
        BrokenError: it is something else.
    """
    value = _parsed(content)
    if not isinstance(value, dict):
        raise BrokenError("no object")
    return value


def _expect(condition: bool, complaint: str) -> None:
    if not condition:
        raise BrokenError(complaint)


def _lines(answer: bytes | bytearray) -> Iterator[bytes]:
    """Line by line, so that parsed text takes little memory however it is nested."""
    start = 0
    while start <= len(answer):
        end = answer.find(b"\n", start)
        end = len(answer) if end < 0 else end
        _expect(end - start <= MOST_LINE_BYTES, f"a line has {end - start:,} bytes")
        yield bytes(answer[start:end])
        start = end + 1


def _next(lines: Iterator[bytes]) -> bytes:
    line = next(lines, None)
    if line is None:
        raise BrokenError("there are fewer lines than announced")
    return line


def _parsed(line: bytes | bytearray) -> object:
    try:
        return json.loads(line, parse_constant=_no_constant)
    except RecursionError as error:
        raise BrokenError("a line is nested too deeply") from error
    except ValueError as error:  # no JSON, no UTF-8, or an integer of thousands of digits
        raise BrokenError(f"a line is no JSON ({printable(str(error), limit=80)})") from error


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _text(value: object) -> str:
    if type(value) is not str:
        raise BrokenError(f"{type(value).__name__} where a text was expected")
    return value


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise BrokenError(f"{type(value).__name__} where a truth value was expected")
    return value


def _whole(value: object, *, below: int = _MOST_SIZE) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise BrokenError("something else where a number from 0 was expected, or too large a number")
    return value


def _list(value: object) -> list[object]:
    if type(value) is not list:
        raise BrokenError(f"{type(value).__name__} where a list was expected")
    return value


def _entry(line: object) -> ContentsEntry:
    parts = _list(line)
    _expect(len(parts) >= 5, "an entry has too few parts")
    path, attributes, inside, kind, *value = parts
    return ContentsEntry(
        path=tuple(_step(one) for one in _list(path)),
        value=_value(kind, value),
        attributes=tuple(_text(one) for one in _list(attributes)),
        inside=None if inside is None else _text(inside),
    )


def _step(value: object) -> str | int:
    if type(value) is list:
        _expect(len(value) == 1, "a place in a list is no single number")
        return Place(_whole(value[0], below=MOST_INTEGER))
    if type(value) is int:
        _expect(abs(value) < MOST_INTEGER, "too large a number in a path")
        return value
    return _text(value)


def _value(kind: object, parts: list[object]) -> RawTensor | Opaque | Plain:
    match kind, parts:
        case "tensor", [dtype, shape, nbytes]:
            return _tensor(dtype, shape, nbytes)
        case "opaque", [name, called, numbers]:
            return Opaque(name=_text(name), called=_truth(called), numbers=_truth(numbers))
        case "bool", [value]:
            return _truth(value)
        case "int", [value]:
            if type(value) is not int or abs(value) >= MOST_INTEGER:
                raise BrokenError("something else where an integer was expected, or too large a one")
            return value
        case "float", [value]:
            written = _text(value)
            _expect(_FLOAT.fullmatch(written) is not None, "a number is written wrongly")
            return _float(written)
        case "str", [value]:
            return _text(value)
    raise BrokenError("an entry of unknown kind")


def _float(written: str) -> float:
    try:
        return float.fromhex(written)
    except (ValueError, OverflowError) as error:
        raise BrokenError("a number is out of range") from error


def _tensor(dtype: object, shape: object, nbytes: object) -> RawTensor:
    name = _text(dtype)
    _expect(name in ITEM_SIZES, "an unknown type of numbers")
    sizes = _list(shape)
    _expect(len(sizes) <= _MOST_AXES, f"a tensor of {len(sizes)} axes")
    axes = tuple(_whole(size) for size in sizes)
    expected = math.prod(axes) * ITEM_SIZES[name]
    _expect(_whole(nbytes) == expected, "a tensor has another number of bytes than its shape says")
    return RawTensor(dtype=name, shape=axes, data=b"")
