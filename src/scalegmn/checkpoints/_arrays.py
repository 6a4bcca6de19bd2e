"""Arrays of an ``.npz`` file that are no network, read within bounds and without running anything."""

from __future__ import annotations

import os

import numpy as np

from scalegmn.checkpoints._archives import read_archive
from scalegmn.checkpoints._contents import Opaque, RawTensor
from scalegmn.checkpoints._numpy_files import decode_npz
from scalegmn.checkpoints._readers import read_bytes
from scalegmn.errors import CheckpointError


def read_arrays(path: str | os.PathLike[str], *, max_bytes: int) -> dict[str, np.ndarray]:
    """All arrays of a file by name, in native byte order.

    Args:
        path: of a file of ``np.savez``.
        max_bytes: refuse files that are, or unpack to, more than this.

    Raises:
        CheckpointError: the file cannot be read, unpacks to more, or holds something else than numbers.
    """
    content = read_bytes(path=path, max_bytes=max_bytes)
    try:
        contents = decode_npz(read_archive(content, max_bytes=max_bytes))
    except CheckpointError as error:
        raise type(error)(f"{os.fspath(path)}: cannot be read as .npz: {error}") from error
    for entry in contents.entries:
        if isinstance(entry.value, Opaque):
            raise CheckpointError(
                f"{os.fspath(path)}: cannot be read as .npz: the array {str(entry.path[0])[:80]!r} is a "
                f"{entry.value.name}; expected numbers; save it without that"
            )
    return {str(entry.path[0]): _array(entry.value) for entry in contents.entries}


def _array(value: object) -> np.ndarray:
    if not isinstance(value, RawTensor):
        return np.asarray(value)
    kind = np.dtype(value.dtype).newbyteorder("<")
    if not value.nbytes:
        return np.empty(value.shape, kind.newbyteorder("="))
    array = np.frombuffer(bytearray(value.data), kind).reshape(value.shape)
    return array.astype(kind.newbyteorder("="), copy=False)
