"""The worker's side of an answer: what a file holds as lines of JSON, without the numbers of tensors."""

from __future__ import annotations

import json
from typing import Final

from scalegmn.checkpoints import Contents, ContentsEntry, Opaque, Place, Plain, RawTensor
from scalegmn.checkpoints.worker._limits import MOST_ENTRIES, MOST_HEADER_BYTES, MOST_LINE_BYTES
from scalegmn.errors import CheckpointError
from scalegmn.printable import printable

MOST_INTEGER: Final = 2**64
"""Integers of this size and above are named instead of sent."""

_REMEDY: Final = "Save the state dict of the network alone."


def describe_contents(contents: Contents, *, sha256: str, max_bytes: int) -> bytes:
    """Lines of JSON: one about the file, one for each note, one for each entry.

    Raises:
        CheckpointError: it holds more than an answer may have.
    """
    if len(contents.entries) > MOST_ENTRIES:
        raise CheckpointError(
            f"the file holds {len(contents.entries):,} entries; expected at most {MOST_ENTRIES:,}. {_REMEDY}"
        )
    _check_tensors(contents, max_bytes=max_bytes)
    first = {
        "format": contents.format,
        "sha256": sha256,
        "notes": len(contents.notes),
        "entries": len(contents.entries),
    }
    lines: list[object] = [first, *contents.notes, *(_entry(entry) for entry in contents.entries)]
    return b"\n".join(_bounded(lines))


def refusal(reason: str, *, unsafe: bool) -> bytes:
    """The answer about a file that cannot be read."""
    return json.dumps({"reason": printable(reason), "unsafe": unsafe}).encode("ascii")


def raw_bytes(tensor: RawTensor) -> memoryview:
    """The numbers of a tensor, not copied."""
    return memoryview(tensor.data)


def _check_tensors(contents: Contents, *, max_bytes: int) -> None:
    total = 0
    for entry in contents.entries:
        tensor = entry.value
        if not isinstance(tensor, RawTensor):
            continue
        found = raw_bytes(tensor).nbytes
        if found != tensor.nbytes:
            raise CheckpointError(
                f"the tensor {printable(str(entry.path), limit=80)} has {found:,} bytes; expected "
                f"{tensor.nbytes:,} for {tensor.dtype} of shape {tensor.shape}. The file is damaged."
            )
        total += found
    if total > max_bytes:
        raise CheckpointError(
            f"the tensors have {total:,} bytes, which is more than max_bytes={max_bytes:,}. If this is the "
            "checkpoint of a single network, pass a larger max_bytes."
        )


def _bounded(lines: list[object]) -> list[bytes]:
    encoded, total = [], 0
    for line in lines:
        # ASCII has no line ends inside: JSON escapes them.
        text = json.dumps(line, ensure_ascii=True, allow_nan=False).encode("ascii")
        total += len(text) + 1
        if len(text) > MOST_LINE_BYTES or total > MOST_HEADER_BYTES:
            raise CheckpointError(
                f"the names and plain values of the file have more than {MOST_LINE_BYTES:,} characters in "
                f"one entry or {MOST_HEADER_BYTES:,} in all. {_REMEDY}"
            )
        encoded.append(text)
    return encoded


def _entry(entry: ContentsEntry) -> list[object]:
    return [[_step(one) for one in entry.path], list(entry.attributes), entry.inside, *_value(entry.value)]


def _step(step: str | int) -> object:
    return [int(step)] if isinstance(step, Place) else step


def _value(value: RawTensor | Opaque | Plain) -> list[object]:
    if isinstance(value, RawTensor):
        return ["tensor", value.dtype, list(value.shape), value.nbytes]
    if isinstance(value, Opaque):
        return ["opaque", value.name, value.called, value.numbers]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        if abs(value) >= MOST_INTEGER:
            return ["opaque", f"integer of {value.bit_length():,} bits", False, False]
        return ["int", value]
    if isinstance(value, float):
        return ["float", float(value).hex()]  # exact, and has words for NaN and infinities
    return ["str", value]
