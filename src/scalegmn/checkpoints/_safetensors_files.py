"""The ``.safetensors`` format: the length of a header, a header in JSON, and numbers.

Read by hand, because what other readers let pass is refused here: gaps, overlaps, bytes behind the last
    tensor, names
that occur twice, and entries that the format does not know.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from scalegmn.checkpoints._contents import (
    ITEM_SIZES,
    Contents,
    ContentsEntry,
    Opaque,
    Plain,
    RawTensor,
    is_possible_shape,
)
from scalegmn.checkpoints._numpy_files import EXTRAS_KEY, extra_entries, plain_values
from scalegmn.errors import CheckpointError

_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "F64": "float64",
        "F32": "float32",
        "F16": "float16",
        "BF16": "bfloat16",
        "BOOL": "bool",
        "I64": "int64",
        "I32": "int32",
        "I16": "int16",
        "I8": "int8",
        "U64": "uint64",
        "U32": "uint32",
        "U16": "uint16",
        "U8": "uint8",
        "F8_E4M3": "float8_e4m3fn",
        "F8_E5M2": "float8_e5m2",
        "F8_E8M0": "float8_e8m0fnu",
        "F8_E4M3FNUZ": "float8_e4m3fnuz",
        "F8_E5M2FNUZ": "float8_e5m2fnuz",
        "C64": "complex64",
    }
)
_METADATA: Final = "__metadata__"
_LONGEST_HEADER: Final = 2**25


def looks_like_safetensors(content: bytes) -> bool:
    """Whether a file starts with the length of a header and the header."""
    return content[4:8] == b"\0\0\0\0" and content[8:9] == b"{"


def decode_safetensors(content: bytes) -> Contents:
    """What a file holds, in the order of its numbers.

    Raises:
        CheckpointError: it is damaged, or other readers would read it differently.
    """
    (length,) = struct.unpack_from("<Q", content)
    if length > _LONGEST_HEADER or 8 + length > len(content):
        raise _damaged(f"its header should have {length:,} bytes and breaks off or is too long")
    header = _parsed(content[8 : 8 + length])
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _damaged(f"its entry {_METADATA} is no object of texts")
    numbers = memoryview(content)[8 + length :]
    found = sorted(
        ((*_described(name, entry), name) for name, entry in header.items()), key=lambda one: (one[0], one[1])
    )
    place = 0
    entries: list[ContentsEntry] = []
    for start, stop, dtype, shape, name in found:
        if start != place:
            raise _damaged(f"there is a gap or an overlap before the numbers of {name!r}")
        place = stop
        known = dtype in ITEM_SIZES
        if known and stop - start != math.prod(shape) * ITEM_SIZES[dtype]:
            raise _damaged(f"the shape {shape} of {name!r} does not fit its {stop - start:,} bytes")
        data = numbers[start:stop]
        value = (
            RawTensor(dtype, shape, data) if known else Opaque(f"tensor of type {dtype[:20]}", numbers=True)
        )
        entries.append(ContentsEntry((name,), value))
    if place != len(numbers):
        raise _damaged(f"its header promises {place:,} bytes of numbers and there are {len(numbers):,}")
    extras: dict[str, Plain] = plain_values(metadata[EXTRAS_KEY]) if EXTRAS_KEY in metadata else {}
    return Contents("safetensors", (*entries, *extra_entries(extras, {entry.path[0] for entry in entries})))


def _parsed(data: bytes) -> dict[str, object]:
    try:
        header = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError, MemoryError) as error:
        raise _damaged(str(error)[:200] or type(error).__name__) from error
    if not isinstance(header, dict):
        raise _damaged("its header is no object")
    return header


def _described(name: str, entry: object) -> tuple[int, int, str, tuple[int, ...]]:
    """First and last byte, type and shape of a tensor."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(stop)], **rest}:
            whole = all(type(size) is int and 0 <= size < 2**63 for size in (*shape, start, stop))
            if whole and not rest and start <= stop and is_possible_shape(tuple(shape)):
                return start, stop, _TYPES.get(dtype, f"unknown {dtype}"), tuple(shape)
    raise _damaged(f"the entry {name[:80]!r} of its header has no type, shape and place, or more than these")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice[:80]} occurs more than once in its header")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError(
        f"cannot be read as a .safetensors file: {reason}; it was cut short or damaged, copy or save it again"
    )
