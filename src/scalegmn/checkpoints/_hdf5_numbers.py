"""The numbers of an array of an HDF5 file, taken from the bytes of the file.

The HDF5 library says where they lie.  Chunks are unpacked here, each to the size that its shape states and
not a byte more, so that a few bytes cannot become very many, and no filter of the library or a plugin runs.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from scalegmn.checkpoints._contents import ITEM_SIZES, Buffer, RawTensor
from scalegmn.checkpoints._hdf5_files import StoredArray, damaged, library_errors, shown
from scalegmn.errors import CheckpointError

_MOST_CHUNKS: Final = 2**18
_DEFLATE, _SHUFFLE = 1, 2
_FILTERS: Final = {
    3: "the checksum fletcher32",
    4: "the packing szip",
    5: "the packing nbit",
    6: "the packing scaleoffset",
    32000: "the packing lzf",
}


def check_sizes(arrays: Sequence[StoredArray], *, max_bytes: int) -> None:
    """Refuse arrays that take too much, by their shapes and those of their chunks, before any is read.

    Raises:
        CheckpointError: all together take more than `max_bytes`.
    """
    with library_errors():
        total = sum(max(_bytes_of(array), _bytes_of_chunks(array)) for array in arrays)
    if total > max_bytes:
        raise CheckpointError(
            f"its arrays take, or unpack to, {total:,} bytes, which is more than max_bytes={max_bytes:,}; if "
            "you trust the file, pass a larger max_bytes"
        )


def read_array(array: StoredArray, content: bytes) -> RawTensor:
    """The numbers of an array.

    Raises:
        CheckpointError: they are missing, lie outside of the file, or are packed in a way that is not read.
    """
    assert array.dtype is not None
    size = _bytes_of(array)
    data: Buffer
    with library_errors():
        if not size:
            data = b""
        elif _layout(array) == "chunked":
            data = _joined(array, content)
        else:
            data = _contiguous(array, content, size)
    return RawTensor(array.dtype, array.shape, _little(array, data))


def _layout(array: StoredArray) -> str:
    from h5py import h5d

    kinds = {h5d.CONTIGUOUS: "contiguous", h5d.CHUNKED: "chunked"}
    found = kinds.get(array.handle.get_create_plist().get_layout())
    if found is None:
        raise CheckpointError(
            f"{shown(array.path)} lies within its own description (a compact array), as weights do not; "
            "expected one that is contiguous or in chunks; save it again"
        )
    return found


def _bytes_of(array: StoredArray) -> int:
    return math.prod(array.shape) * _item(array)


def _item(array: StoredArray) -> int:
    return 0 if array.dtype is None else ITEM_SIZES[array.dtype]


def _bytes_of_chunks(array: StoredArray) -> int:
    if array.dtype is None or not array.shape or _layout(array) != "chunked":
        return 0
    chunk, counts = _grid(array)
    return math.prod(chunk) * _item(array) * math.prod(counts)


def _grid(array: StoredArray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes of a chunk, and how many there are along each axis."""
    chunk = tuple(map(int, array.handle.get_create_plist().get_chunk()))
    if len(chunk) != len(array.shape) or not all(chunk):
        raise damaged(f"{shown(array.path)} has chunks of another shape")
    return chunk, tuple(-(-size // part) for size, part in zip(array.shape, chunk, strict=True))


def _contiguous(array: StoredArray, content: bytes, size: int) -> Buffer:
    place = array.handle.get_offset()
    if place is None or array.handle.get_storage_size() != size:
        raise _unwritten(array)
    return _part(array, content, int(place), size)


def _part(array: StoredArray, content: bytes, place: int, size: int) -> memoryview:
    if place < 0 or size < 0 or place + size > len(content):
        raise damaged(f"the numbers of {shown(array.path)} lie behind its end")
    return memoryview(content)[place : place + size]


def _unwritten(array: StoredArray) -> CheckpointError:
    return CheckpointError(
        f"{shown(array.path)} has a shape, but not all of its numbers were written; expected all of them; "
        "save it again"
    )


def _joined(array: StoredArray, content: bytes) -> bytearray:
    """An array from its chunks, each of which must be there once."""
    chunk, counts = _grid(array)
    filters = _filters(array)
    item, whole = _item(array), math.prod(chunk) * _item(array)
    result = bytearray(_bytes_of(array))
    target = np.frombuffer(result, np.dtype((np.void, item))).reshape(array.shape)
    seen: set[tuple[int, ...]] = set()
    for found in _chunks(array):
        start = tuple(map(int, found.chunk_offset))
        inside = len(start) == len(chunk) and all(
            place % part == 0 and place < size
            for place, part, size in zip(start, chunk, array.shape, strict=False)
        )
        if not inside or start in seen:
            raise damaged(f"{shown(array.path)} has a chunk at {str(start)[:60]}, or has it twice")
        seen.add(start)
        packed = _part(array, content, int(found.byte_offset), int(found.size))
        if array.handle.read_direct_chunk(start) != (found.filter_mask, packed):
            # Readers look chunks up by their places, and take what is not found for zeros.
            raise damaged(f"{shown(array.path)} has a chunk at {str(start)[:60]} that is not found there")
        data = _unpacked(array, packed, filters, int(found.filter_mask), whole)
        ends = tuple(
            min(part, size - place) for place, part, size in zip(start, chunk, array.shape, strict=True)
        )
        values = np.frombuffer(data, target.dtype).reshape(chunk)[tuple(map(slice, ends))]
        if filters and ends != chunk and len(packed) == whole:
            _check_alike(array, start, values)
        target[tuple(slice(p, p + e) for p, e in zip(start, ends, strict=True))] = values
    if len(seen) != math.prod(counts):
        raise _unwritten(array)
    return result


def _check_alike(array: StoredArray, start: tuple[int, ...], values: np.ndarray) -> None:
    """Refuse a chunk at the edge that the HDF5 library takes for one that is not packed; it does not say so.

    It reads the chunk after it was seen that it unpacks to no more than a chunk.
    """
    from h5py import h5s

    space = array.handle.get_space()
    space.select_hyperslab(start, values.shape)
    theirs = np.empty(values.shape, values.dtype)
    array.handle.read(h5s.create_simple(values.shape), space, theirs, array.handle.get_type())
    if theirs.tobytes() != values.tobytes():
        raise CheckpointError(
            f"{shown(array.path)} can be read in two ways: its last chunk may be packed or not; save it again"
        )


def _chunks(array: StoredArray) -> list[Any]:
    found: list[Any] = []

    def note(chunk: Any) -> bool | None:
        found.append(chunk)
        return True if len(found) > _MOST_CHUNKS else None

    array.handle.chunk_iter(note)
    if len(found) > _MOST_CHUNKS:
        raise CheckpointError(
            f"{shown(array.path)} is cut into more than {_MOST_CHUNKS:,} chunks; expected fewer; save it "
            "again"
        )
    return found


def _filters(array: StoredArray) -> tuple[int, ...]:
    """What was done to each chunk, in turn."""
    created = array.handle.get_create_plist()
    found = tuple(int(created.get_filter(number)[0]) for number in range(created.get_nfilters()))
    if found in ((), (_DEFLATE,), (_SHUFFLE, _DEFLATE)):
        return found
    strange = next((one for one in found if one not in (_DEFLATE, _SHUFFLE)), None)
    named = _FILTERS.get(strange or 0, f"the filter {strange}")
    what = "filters in an unusual order" if strange is None else named
    raise CheckpointError(
        f"{shown(array.path)} is stored with {what}, which is not read and which a plugin may define; "
        "expected gzip (deflate) or no packing; save it again"
    )


def _unpacked(
    array: StoredArray, data: memoryview, filters: tuple[int, ...], skipped: int, size: int
) -> Buffer:
    """A chunk as it was before its filters; a bit of `skipped` says that one was not applied."""
    result: Buffer = data
    for number, one in reversed(list(enumerate(filters))):
        if skipped >> number & 1:
            continue
        if one == _DEFLATE:
            engine = zlib.decompressobj()
            try:
                # One byte more than promised is asked for, so that more would show.
                result = engine.decompress(result, size + 1)
            except zlib.error as error:
                raise damaged(f"a chunk of {shown(array.path)} cannot be unpacked: {error}") from error
            if not engine.eof or engine.unused_data or engine.unconsumed_tail:
                raise damaged(f"a chunk of {shown(array.path)} unpacks to another length than {size:,} bytes")
        elif len(result) == size:
            parts = np.frombuffer(result, np.uint8).reshape(_item(array), -1)
            result = np.ascontiguousarray(parts.T).data.cast("B")
    if len(result) != size or skipped >> len(filters):
        raise damaged(f"a chunk of {shown(array.path)} has {len(result):,} bytes instead of {size:,}")
    return result


def _little(array: StoredArray, data: Buffer) -> Buffer:
    """The numbers with the lowest byte first; truth values are checked."""
    item = _item(array)
    if array.dtype == "bool" and max(data, default=0) > 1:
        raise damaged(f"{shown(array.path)} holds truth values that are neither true nor false")
    if array.order == "<" or item == 1:
        return data
    return np.frombuffer(data, f">u{item}").astype(f"<u{item}").data.cast("B")
