"""Images in one ``.npz`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from scalegmn.checkpoints import read_arrays
from scalegmn.errors import CheckpointError, ImageSourceError
from scalegmn.images._image_set import ImageSet, join_splits
from scalegmn.images._source import FileFormat

# Larger sets of images do not fit into the memory of usual machines.
_MOST_BYTES: Final = 2**34
_KEYS = ("train_images", "train_labels", "test_images", "test_labels")


def read_npz(path: Path) -> ImageSet:
    """Read ``train_images, train_labels, test_images, test_labels``: uint8 images and integer labels.

    Raises:
        ImageSourceError: not an ``.npz`` file, damaged, or other arrays in it.
    """
    try:
        found = read_arrays(path, max_bytes=_MOST_BYTES)
    except CheckpointError as error:
        raise ImageSourceError(f"{path}: cannot be read as an .npz file of plain arrays: {error}") from error
    missing = [key for key in _KEYS if key not in found]
    if missing:
        raise ImageSourceError(
            f"{path}: lacks {missing}, expected the arrays {list(_KEYS)}; it holds {list(found)}"
        )
    arrays = [found[key] for key in _KEYS]
    return join_splits((arrays[0], arrays[1]), (arrays[2], arrays[3]), name=path.stem)


NPZ: Final = FileFormat("npz", read_npz)
