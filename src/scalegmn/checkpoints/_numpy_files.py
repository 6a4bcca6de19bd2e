"""The files of ``np.savez``: a zip archive of arrays, none of them with Python objects."""

from __future__ import annotations

import ast
import json
import struct
import warnings
from collections.abc import Mapping
from typing import Final

import numpy as np

from scalegmn.checkpoints._contents import (
    Contents,
    ContentsEntry,
    Opaque,
    Plain,
    RawTensor,
    is_possible_shape,
)
from scalegmn.checkpoints._numpy_pickles import NUMBERS, TEXTS
from scalegmn.errors import CheckpointError

EXTRAS_KEY: Final = "scalegmn.extras"
"""Key of the metadata of a .safetensors file, or of an array of an .npz file, that holds plain values as
JSON.
"""

MAGIC: Final = b"\x93NUMPY"
_LENGTHS: Final = {(1, 0): "<H", (2, 0): "<L", (3, 0): "<L"}
# NumPy itself refuses longer ones.
_LONGEST_HEADER: Final = 10_000
_LONGEST_TEXT: Final = 2**20
# Longer texts beside weights are named and not read.
_LONGEST_PLAIN: Final = 2**12


def decode_npz(members: Mapping[str, bytes | memoryview]) -> Contents:
    """What an archive of arrays holds.

    Raises:
        CheckpointError: a member is no array of numbers, or is damaged.
    """
    entries: list[ContentsEntry] = []
    extras: dict[str, Plain] = {}
    for member, data in members.items():
        name = member.removesuffix(".npy")
        if name == member or name.endswith(".npy"):
            raise CheckpointError(
                f"its entry {member!r} is not called like an array ('.npy' once at its end), so it is no "
                ".npz file; save it again"
            )
        value = _array(
            data, f"array {name!r}", longest=_LONGEST_TEXT if name == EXTRAS_KEY else _LONGEST_PLAIN
        )
        if name == EXTRAS_KEY:
            extras = plain_values(value)
        else:
            entries.append(ContentsEntry((name,), value))
    return Contents("npz", (*entries, *extra_entries(extras, {entry.path[0] for entry in entries})))


def extra_entries(extras: Mapping[str, Plain], taken: set[str | int]) -> list[ContentsEntry]:
    """Plain values as entries.

    Raises:
        CheckpointError: a tensor has the same name.
    """
    twice = sorted(name for name in extras if name in taken)
    if twice:
        raise CheckpointError(
            f"{twice[0]} names both an array and a plain value; expected every name once; save the file again"
        )
    return [ContentsEntry((name,), value) for name, value in extras.items()]


def plain_values(text: object) -> dict[str, Plain]:
    """The plain values that are kept as JSON beside tensors.

    Raises:
        CheckpointError: it is something else.
    """
    try:
        values = json.loads(text) if isinstance(text, str) else None
        if isinstance(values, dict) and all(
            isinstance(value, int | float | str) for value in values.values()
        ):
            return values
    except (ValueError, RecursionError):
        pass
    shown = text[:80] if isinstance(text, str) else type(text).__name__
    raise CheckpointError(
        f"the entry {EXTRAS_KEY!r} is {shown!r}; expected a JSON object of numbers, texts and truth values; "
        "save the file again with write_state"
    )


def _array(data: bytes | memoryview, where: str, *, longest: int) -> RawTensor | Opaque | Plain:
    """One ``.npy`` array; its header is checked before anything is allocated.

    Args:
        data: of the member.
        where: for messages.
        longest: letters of a text that is read; longer ones, and arrays of texts, are named.
    """
    kind, columns_first, shape, start = _header(bytes(data[: _LONGEST_HEADER + 12]), where)
    if kind.hasobject:
        raise CheckpointError(
            f"{where} holds Python objects (dtype {kind}), which NumPy can only read by running a pickle; "
            "expected numbers; save each array of numbers under a name of its own"
        )
    number = NUMBERS.get(f"{kind.kind}{kind.itemsize}")
    text = kind.kind == "U" and shape == () and kind.itemsize <= 4 * longest
    if number is None and kind.kind not in "USMm":
        raise CheckpointError(f"{where} has dtype {kind}; expected float16, float32 or float64; convert it")
    promised = kind.itemsize
    for size in shape:
        promised *= size
    if promised != len(data) - start:
        raise CheckpointError(
            f"{where} promises {promised:,} bytes of numbers (shape {shape}) and has {len(data) - start:,}; "
            "the file was cut short or damaged, copy or save it again"
        )
    if number is None and not text:
        return Opaque(TEXTS)
    array = np.frombuffer(data, kind, offset=start).reshape(shape, order="F" if columns_first else "C")
    if text or (not shape and kind.kind in "iub"):
        return _plain(array)
    assert number is not None
    plain = np.ascontiguousarray(array, kind.newbyteorder("<"))
    return RawTensor(number, shape, plain.reshape(-1).view(np.uint8).data)


def _plain(array: np.ndarray) -> Plain:
    try:
        value = array.item()
    except ValueError as error:  # texts may hold anything
        raise CheckpointError(f"a text of the file is damaged ({error}); save it again") from error
    assert isinstance(value, bool | int | float | str)
    return value


def _header(head: bytes, where: str) -> tuple[np.dtype, bool, tuple[int, ...], int]:
    """Type, order and shape of an array, and where its numbers start."""
    try:
        form = _LENGTHS[head[6], head[7]]
        (length,) = struct.unpack_from(form, head, 8)
        start = 8 + struct.calcsize(form) + length
        if head[:6] != MAGIC or length > _LONGEST_HEADER or start > len(head):
            raise ValueError("it is no header of NumPy, or breaks off")
        text = head[start - length : start].decode("utf-8" if head[6] == 3 else "latin1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a text that is not ours
            values = ast.literal_eval(text)
        if not isinstance(values, dict) or set(values) != {"descr", "fortran_order", "shape"}:
            raise ValueError("its header has other entries than type, order and shape")
        shape, order = values["shape"], values["fortran_order"]
        if type(shape) is not tuple or type(order) is not bool:
            raise ValueError("its shape or its order is none")
        if not all(type(size) is int and size >= 0 for size in shape) or not is_possible_shape(shape):
            raise ValueError("its shape is that of no array")
        return _type(values["descr"]), order, shape, start
    except (IndexError, KeyError, ValueError, TypeError, SyntaxError, struct.error) as error:
        raise _bad_header(where, error) from error
    except (MemoryError, RecursionError, OverflowError) as error:
        raise _bad_header(where, error) from error


def _type(description: object) -> np.dtype:
    """A type by its description; fields with names are described by lists, and are refused by name later."""
    if isinstance(description, list):
        return np.dtype([("fields", "V1")])
    if not isinstance(description, str) or len(description) > 20:
        raise ValueError("its type is none of NumPy's")
    return np.dtype(description)


def _bad_header(where: str, error: BaseException) -> CheckpointError:
    return CheckpointError(
        f"{where} has a damaged header: {str(error)[:120] or type(error).__name__}; it was cut short or "
        "damaged, copy or save it again"
    )
