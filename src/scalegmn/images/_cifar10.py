"""CIFAR-10 in its original binary files (Krizhevsky 2009).

Each record is a label and 3,072 bytes: a red, a green and a blue plane of 32 x 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet, join_splits
from scalegmn.images._source import FileFormat

_RECORD = 1 + 3 * 32 * 32
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def read_cifar10(folder: Path, *, records: int = 10_000) -> ImageSet:
    """Read ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``.

    Args:
        folder: where the files lie; in the original archive it is ``cifar-10-batches-bin``.
        records: images per file.

    Raises:
        ImageSourceError: a file is missing or has another size, or a label is not from 0 to 9.
    """
    train = np.concatenate([_read(folder / f"data_batch_{i}.bin", records) for i in range(1, 6)])
    test = _read(folder / "test_batch.bin", records)
    return join_splits(_parts(train), _parts(test), name="cifar10", class_names=_CLASSES)


def _read(path: Path, records: int) -> np.ndarray:
    if not path.is_file():
        raise ImageSourceError(
            f"no {path.name!r} in {str(path.parent)!r}; unpack cifar-10-binary.tar.gz and name the folder "
            "cifar-10-batches-bin in it"
        )
    data = np.fromfile(path, np.uint8)
    if len(data) != records * _RECORD:
        raise ImageSourceError(
            f"{path}: is {len(data)} bytes long, expected {records * _RECORD} ({records} records of "
            f"{_RECORD}); it is truncated or something else, fetch it again"
        )
    data = data.reshape(records, _RECORD)
    if data[:, 0].max(initial=0) >= len(_CLASSES):
        raise ImageSourceError(
            f"{path}: holds the label {data[:, 0].max()}, expected 0 to {len(_CLASSES) - 1}"
        )
    return data


def _parts(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images = data[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), data[:, 0]


CIFAR10_BINARY: Final = FileFormat("cifar10-binary", read_cifar10)
