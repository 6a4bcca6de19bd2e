"""Images by the name of their source, or by the place of their files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from scalegmn.configuration import format_value
from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet
from scalegmn.images._locations import data_path
from scalegmn.images._source import FILE_FORMATS, IMAGE_SOURCES


def load_images(source: str, *, folder: str | Path | None = None) -> ImageSet:
    """Read labeled images.

    Args:
        source: a name from :data:`~scalegmn.images.IMAGE_SOURCES` (``digits`` come with scikit-learn), or
            ``kind:path`` with a kind from :data:`~scalegmn.images.FILE_FORMATS`: ``npz`` (a file), ``idx``,
            ``cifar10-binary`` and ``folder`` (folders); the path is relative to the data folder, or absolute.
        folder: the data folder; by default the environment variable ``SCALEGMN_DATA`` names it.  The
            digits need none.

    Returns:
        Images ``(n, H, W)`` or ``(n, H, W, 3)`` of uint8, labels ``(n,)`` and splits ``(n,)``.

    Raises:
        ImageSourceError: an unknown source, no data folder, missing or damaged files, values from 0 to 1.

    Example:
        >>> from scalegmn import load_images
        >>> digits = load_images("digits")
        >>> digits.images.shape, digits.images.dtype
        ((1797, 8, 8), dtype('uint8'))
        >>> digits.labels[:5].tolist()
        [0, 1, 2, 3, 4]
    """
    kind, _, path = source.partition(":")
    if path and kind in FILE_FORMATS:
        return _in_bytes(FILE_FORMATS.get(kind).read(data_path(path, folder)))
    if source not in IMAGE_SOURCES:
        raise ImageSourceError(_unknown(source))
    images = _in_bytes(IMAGE_SOURCES.get(source).load(folder))
    # Records keep the name, by which the images are found again.
    return images if images.name == source else dataclasses.replace(images, name=source)


def _in_bytes(images: ImageSet) -> ImageSet:
    """Refuse a whole source in which nothing is brighter than 1 of 255.

    Raises:
        ImageSourceError: it is so; says what to do.
    """
    if len(images) and images.images.max() == 1:
        raise ImageSourceError(
            f"{images.name}: the largest value of all {len(images)} images is 1, expected bytes from 0 to "
            "255, of which 1 is black; multiply by 255 before images are stored as uint8"
        )
    return images


def _unknown(source: str) -> str:
    kind, kinds = source.partition(":")[0], [f"{kind}:PATH" for kind in FILE_FORMATS.names()]
    known = (*IMAGE_SOURCES.names(), *kinds)
    return f"source of images is {format_value(source)}, expected {IMAGE_SOURCES.expected(kind, names=known)}"
