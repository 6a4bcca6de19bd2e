"""The worker's side of a tensor: which numbers it holds, and where in the file they lie."""

from __future__ import annotations

import math
import sys
from typing import Any, Final, final

import numpy as np

from scalegmn.checkpoints import ITEM_SIZES, RawTensor
from scalegmn.errors import CheckpointError
from scalegmn.printable import NAME, printable

from ._limits import KINDS, LARGEST_SIZE, MOST_AXES

_RAW: Final = "raw_data"
# Where numbers lie that are not raw, by their kind: the field, and what NumPy reads it as.
_FIELDS: Final = {
    **dict.fromkeys(("uint8", "int8", "uint16", "int16", "int32", "bool"), "int32_data"),
    **dict.fromkeys(("float16", "bfloat16"), "int32_data"),
    "float32": "float_data",
    "float64": "double_data",
    "int64": "int64_data",
    **dict.fromkeys(("uint32", "uint64"), "uint64_data"),
}
_ALL_FIELDS: Final = (
    "float_data",
    "int32_data",
    "string_data",
    "int64_data",
    _RAW,
    "double_data",
    "uint64_data",
)
# Fields whose bytes are those of the numbers: the byte that stands before the length.
_VERBATIM: Final = {_RAW: 0x4A, "float_data": 0x22, "double_data": 0x52}


def kind_of_tensor(tensor: Any, place: str) -> tuple[str, tuple[int, ...]]:
    """Kind and shape of the numbers of a tensor.

    Raises:
        CheckpointError: they are no plain numbers, or too many.
    """
    kind = KINDS.get(tensor.data_type)
    if kind is None:
        raise CheckpointError(
            f"{place} holds numbers of the kind {tensor.data_type} of ONNX, expected one of "
            f"{', '.join(KINDS.values())}; give the network from before it was quantized"
        )
    if len(tensor.dims) > MOST_AXES or any(not 0 <= size <= LARGEST_SIZE for size in tensor.dims):
        shape = ", ".join(map(str, tensor.dims[: MOST_AXES + 1]))
        raise CheckpointError(
            f"{place} has the shape ({shape}), expected at most {MOST_AXES} sizes from 0 to "
            f"{LARGEST_SIZE:,}; the file is damaged"
        )
    if tensor.HasField("segment"):
        raise CheckpointError(f"{place} is a segment of a tensor, expected a whole one; export it again")
    return kind, tuple(map(int, tensor.dims))


def numbers_of(tensor: Any, place: str, *, max_bytes: int) -> RawTensor:
    """The numbers of a tensor that lie in the file.

    Raises:
        CheckpointError: there are more or fewer of them than its shape says, or they stand in two places.
    """
    kind, shape = kind_of_tensor(tensor, place)
    count = math.prod(shape)
    if count * ITEM_SIZES[kind] > max_bytes:
        raise CheckpointError(
            f"{place} has the shape {shape}, which is more than max_bytes={max_bytes:,}. If this is a single "
            "network, pass a larger max_bytes."
        )
    filled = [name for name in _ALL_FIELDS if len(getattr(tensor, name))]
    expected = _FIELDS[kind]
    if len(filled) > 1 or (filled and filled[0] not in (_RAW, expected)):
        raise CheckpointError(
            f"{place} has its numbers in {' and '.join(filled)}, expected {_RAW} or {expected}; the file is "
            "damaged"
        )
    data = tensor.raw_data if filled == [_RAW] else _unpacked(getattr(tensor, expected), kind, place)
    if len(data) != count * ITEM_SIZES[kind]:
        raise CheckpointError(
            f"{place} has {len(data):,} bytes, expected {count * ITEM_SIZES[kind]:,} for {kind} of the shape "
            f"{shape}; the file is damaged"
        )
    if kind == "bool" and data.translate(None, b"\0\1"):
        raise CheckpointError(f"{place} holds truth values other than 0 and 1; the file is damaged")
    return RawTensor(dtype=kind, shape=shape, data=data)


def _unpacked(values: Any, kind: str, place: str) -> bytes:
    """Numbers that the file has one by one, as they are in memory."""
    wide = np.asarray(values, dtype=np.int64 if kind.startswith("int") else None)
    # Halves stand there as the bits that they are made of.
    target = np.dtype({"float16": "uint16", "bfloat16": "uint16"}.get(kind, kind))
    if target.kind in "iub" and wide.size:
        low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
        if int(wide.min()) < low or int(wide.max()) > high:
            raise CheckpointError(
                f"{place} holds {int(wide.max()):,}, which is no {kind}; the file is damaged"
            )
    return wide.astype(target.newbyteorder("<")).tobytes()


@final
class Offsets:
    """Where in a file the numbers of tensors begin, for files as protobuf writes them.

    Tensors are looked for in their order, so that each byte is looked at once; the first one that is not
    found ends the search.

    Args:
        content: of the file.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def of(self, tensor: Any) -> int | None:
        """Place of the first byte of the numbers of the next tensor; None where it is not known."""
        if self._position < 0 or sys.byteorder != "little":
            return None
        message = tensor.SerializeToString(deterministic=True)
        start = self._content.find(message, self._position)
        self._position = start + len(message) if start >= 0 else -1
        within = _within(tensor, message)
        return None if start < 0 or within is None else start + within


def _within(tensor: Any, message: bytes) -> int | None:
    """Where the numbers begin in the message of a tensor."""
    for name, mark in _VERBATIM.items():
        values = getattr(tensor, name)
        if not len(values):
            continue
        data = values if name == _RAW else np.asarray(values, dtype=_WIDTHS[name]).tobytes()
        head = bytes([mark]) + _varint(len(data))
        found = message.find(head + data)
        return None if found < 0 else found + len(head)
    return None


_WIDTHS: Final = {"float_data": "<f4", "double_data": "<f8"}


def _varint(number: int) -> bytes:
    """A length as protobuf writes it: seven bits at a time, the lowest first."""
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def shown(name: str | bytes) -> str:
    """A name of the file, short and printable; what is no text comes as bytes."""
    return printable(name if isinstance(name, str) else repr(name), limit=NAME)
