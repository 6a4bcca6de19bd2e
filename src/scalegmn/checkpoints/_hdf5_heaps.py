"""Heaps of an HDF5 file, in which it keeps texts of any length, are checked before its library reads them.

The library goes through a heap object by object, and where one has no length it never ends.
"""

from __future__ import annotations

import struct
from typing import Final

from scalegmn.errors import CheckpointError

# The first bytes of a heap: its mark, version 1, and three bytes that are zero.
_MARK: Final = b"GCOL\1\0\0\0"
_SIZE: Final = struct.Struct("<Q")
_OBJECT: Final = struct.Struct("<HHIQ")
_FIRST: Final = len(_MARK) + _SIZE.size
_MOST_STEPS: Final = 2**20


def check_heaps(content: bytes) -> None:
    """Refuse heaps whose objects do not follow each other to the end of the heap.

    Raises:
        CheckpointError: there is one, or there are too many objects.
    """
    steps = 0
    start = content.find(_MARK)
    while start >= 0:
        steps += _objects(content, start)
        if steps > _MOST_STEPS:
            raise _refused(f"texts in more than {_MOST_STEPS:,} pieces")
        start = content.find(_MARK, start + 1)


def _objects(content: bytes, start: int) -> int:
    """How many objects a heap has."""
    if start + _FIRST > len(content):
        return 0  # the mark alone, at the end of the file: the library finds nothing behind it either
    (size,) = _SIZE.unpack_from(content, start + len(_MARK))
    end, place, count = start + size, start + _FIRST, 0
    if size < _FIRST or end > len(content):
        raise _refused(f"a heap of {size:,} bytes")
    # Less than the description of an object may be left over.
    while end - place >= _OBJECT.size:
        number, _, _, length = _OBJECT.unpack_from(content, place)
        # Number 0 is what is free, which goes to the end and counts its own description.
        whole = length if number == 0 else _OBJECT.size + (length + 7) // 8 * 8
        if whole > end - place or (number == 0 and whole != end - place):
            raise _refused(f"an object of {length:,} bytes in a heap of {size:,}")
        place, count = place + whole, count + 1
        if count > _MOST_STEPS:
            break
    return count + 1


def _refused(what: str) -> CheckpointError:
    return CheckpointError(
        f"the HDF5 file is damaged ({what}); it was cut short or damaged, copy or save it again"
    )
