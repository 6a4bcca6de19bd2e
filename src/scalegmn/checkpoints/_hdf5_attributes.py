"""The few attributes of an HDF5 file that are read: texts within bounds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from scalegmn.errors import CheckpointError

_MOST_BYTES: Final = 2**20
_MOST_TEXTS: Final = 2**14
_MOST_PARTS: Final = 2**8
# Letters of a name that a message shows.
_SHOWN: Final = 40


def texts_of(owner: Any, name: str) -> tuple[str, ...] | None:
    """The texts of an attribute; None where there is none.

    Keras cuts long lists into attributes ``name0``, ``name1`` and so on, since one has at most 64 KiB.

    Args:
        owner: an open group or array.
        name: of the attribute.

    Raises:
        CheckpointError: it holds no texts, or too many.
    """
    from h5py import h5a

    if h5a.exists(owner, name.encode()):
        return _read(owner, name)
    parts: list[str] = []
    number = 0
    while h5a.exists(owner, f"{name}{number}".encode()):
        parts += _read(owner, f"{name}{number}")
        number += 1
        if number > _MOST_PARTS or len(parts) > _MOST_TEXTS:
            raise _refused(name, f"more than {_MOST_PARTS:,} parts or {_MOST_TEXTS:,} texts")
    return tuple(parts) if number else None


def _read(owner: Any, name: str) -> tuple[str, ...]:
    from h5py import h5a, h5t, string_dtype

    found = h5a.open(owner, name.encode())
    shape, kind = tuple(found.shape), found.get_type()
    count = int(np.prod(shape, dtype=object))
    if not count:
        return ()  # a list without texts is written as one of numbers
    if kind.get_class() != h5t.STRING:
        raise _refused(name, "no texts")
    if count > _MOST_TEXTS or found.get_storage_size() > _MOST_BYTES or kind.get_size() > _MOST_BYTES:
        raise _refused(name, f"{count:,} texts in {found.get_storage_size():,} bytes")
    if kind.is_variable_str():
        array = np.empty(shape, string_dtype())
        found.read(array)
    else:
        array = np.empty(shape, f"S{kind.get_size()}")
        found.read(array, kind)
    texts = [one if isinstance(one, bytes) else str(one).encode() for one in array.reshape(-1).tolist()]
    if sum(map(len, texts)) > _MOST_BYTES:
        raise _refused(name, f"texts of more than {_MOST_BYTES:,} bytes")
    try:
        return tuple(text.decode("utf-8") for text in texts)
    except UnicodeDecodeError:
        raise _refused(name, "texts that are not UTF-8") from None


def _refused(name: str, what: str) -> CheckpointError:
    return CheckpointError(
        f"its attribute {name[:_SHOWN]!r} has {what}; expected a list of at most {_MOST_TEXTS:,} short "
        "texts; save it again"
    )
