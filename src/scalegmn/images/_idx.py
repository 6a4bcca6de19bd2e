"""MNIST and FashionMNIST in their original IDX files, compressed or not.

The format (LeCun, Cortes, Burges): two zero bytes, a type (8: unsigned byte), the number of dimensions, each
dimension as big-endian 32 bits, then the numbers.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet, join_splits
from scalegmn.images._source import FileFormat

_UNSIGNED_BYTE = 8


def read_idx(folder: Path) -> ImageSet:
    """Read the four files ``{train,t10k}-{images-idx3,labels-idx1}-ubyte``, with or without ``.gz``.

    Raises:
        ImageSourceError: a file is missing, damaged or truncated, or is something else.
    """
    splits = []
    for prefix in ("train", "t10k"):
        images = _read(_find(folder, f"{prefix}-images-idx3-ubyte"), dimensions=3)
        labels = _read(_find(folder, f"{prefix}-labels-idx1-ubyte"), dimensions=1)
        splits.append((images, labels))
    return join_splits(splits[0], splits[1], name=folder.name)


def _find(folder: Path, name: str) -> Path:
    # Some copies have a dot for the dash before "idx".
    spellings = [name, name.replace("-idx", ".idx")]
    names = [spelling + end for spelling in spellings for end in ("", ".gz")]
    found = [folder / candidate for candidate in names if (folder / candidate).is_file()]
    if not found:
        raise ImageSourceError(
            f"no {name!r} or {name + '.gz'!r} in {str(folder)!r}; put the original file there"
        )
    return found[0]


def _read(path: Path, *, dimensions: int) -> np.ndarray:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ImageSourceError(
            f"{path}: cannot be decompressed ({error}), so it is damaged or truncated; fetch it again"
        ) from error
    start = 4 + 4 * dimensions
    expected = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if data[:4] != expected or len(data) < start:
        raise ImageSourceError(
            f"{path}: begins with {data[:4].hex()}, expected {expected.hex()} (an IDX file of bytes in "
            f"{dimensions} dimensions)"
        )
    shape = [int(size) for size in np.frombuffer(data, ">u4", dimensions, offset=4)]
    if len(data) - start != math.prod(shape):
        raise ImageSourceError(
            f"{path}: holds {len(data) - start} bytes of data, but its header states {shape}, which is "
            f"{math.prod(shape)} bytes; fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


IDX: Final = FileFormat("idx", read_idx)
