"""A folder of image files, one sub-folder per class."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import SPLITS, ImageSet
from scalegmn.images._source import FileFormat

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
_GRAY = frozenset({"1", "L"})
_COLOR = frozenset({"RGB", "RGBA", "P", "LA", "CMYK", "YCbCr"})


def read_folder(folder: Path) -> ImageSet:
    """Read ``<class>/<image>``, all of it as training images, or ``train/...`` and ``test/...`` of these.

    Classes are numbered in the order of their names (of their values, where all names are numbers), images
    within a class are in the order of their names.  Files that are not images by their ending are left
    out.  The images are gray where all files are, otherwise RGB.

    Raises:
        ImageSourceError: no images, images of different sizes, an unreadable one, a class of test images
            without training images, or Pillow is not installed.
    """
    if not folder.is_dir():
        raise ImageSourceError(f"{folder}: is not a folder; expected one with a sub-folder per class")
    names = {entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
    if names == set(SPLITS):
        roots = {split: folder / split for split in SPLITS}
    else:
        roots = {"train": folder}
    files = [
        (split, label, path)
        for split, root in roots.items()
        for label in _classes(root)
        for path in sorted((root / label).iterdir())
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    ]
    if not files:
        raise ImageSourceError(
            f"{folder}: holds no images; expected <class>/<image> with the endings {sorted(_SUFFIXES)}"
        )
    classes = _classes(roots["train"])
    unknown = sorted({label for _, label, _ in files} - set(classes))
    if unknown:
        raise ImageSourceError(
            f"{folder}: test images of the classes {unknown}, but no training images of them"
        )
    return ImageSet(
        images=_read_all([path for _, _, path in files]),
        labels=np.array([classes.index(label) for _, label, _ in files]),
        split=np.array([split for split, _, _ in files]),
        name=folder.name,
        class_names=tuple(classes),
    )


def _classes(root: Path) -> list[str]:
    names = [entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    numbers = all(name.isascii() and name.isdigit() for name in names)
    return sorted(names, key=lambda name: (int(name) if numbers else 0, name))


def _read_all(paths: list[Path]) -> np.ndarray:
    arrays = [_read(path) for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        if array.shape[:2] != arrays[0].shape[:2]:
            raise ImageSourceError(
                f"{path}: is {array.shape[0]} x {array.shape[1]} pixels, but {paths[0]} is "
                f"{arrays[0].shape[0]} x {arrays[0].shape[1]}; bring all images to one size"
            )
    if any(array.ndim == 3 for array in arrays):
        arrays = [array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2) for array in arrays]
    return np.stack(arrays)


def _read(path: Path) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImageSourceError(
            "reading image files needs Pillow, which is not installed; pip install pillow"
        ) from error
    try:
        with Image.open(path) as image:
            if image.mode not in _GRAY | _COLOR:
                raise ImageSourceError(
                    f"{path}: has pixels of the kind {image.mode!r}, expected 8 bits per channel; "
                    "convert it first"
                )
            return np.asarray(image.convert("L" if image.mode in _GRAY else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, ImageSourceError):
            raise
        raise ImageSourceError(f"{path}: cannot be read as an image: {error}") from error


FOLDER: Final = FileFormat("folder", read_folder)
