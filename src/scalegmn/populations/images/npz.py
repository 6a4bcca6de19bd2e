"""Images in one ``.npz`` file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from scalegmn.errors import ImageSourceError
from scalegmn.populations.images.image_set import ImageSet, joined

_KEYS = ("train_images", "train_labels", "test_images", "test_labels")


def read_npz(path: Path) -> ImageSet:
    """Read ``train_images, train_labels, test_images, test_labels``: uint8 images and integer labels.

    Raises:
        ImageSourceError: not an ``.npz`` file, damaged, or other arrays in it.
    """
    try:
        # numpy leaves a damaged file open unless it was opened here.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in _KEYS if key not in archive.files]
            if missing:
                raise ImageSourceError(
                    f"{path}: lacks {missing}, expected the arrays {list(_KEYS)}; it holds {archive.files}"
                )
            arrays = [archive[key] for key in _KEYS]
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, ImageSourceError):
            raise
        raise ImageSourceError(f"{path}: cannot be read as an .npz file of plain arrays: {error}") from error
    return joined((arrays[0], arrays[1]), (arrays[2], arrays[3]), name=path.stem)
