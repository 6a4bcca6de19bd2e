"""Sources of images by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

from scalegmn.errors import ImageSourceError
from scalegmn.images._cifar10 import read_cifar10
from scalegmn.images._digits import read_digits
from scalegmn.images._folder import read_folder
from scalegmn.images._idx import read_idx
from scalegmn.images._image_set import ImageSet
from scalegmn.images._locations import data_folder, data_path
from scalegmn.images._npz import read_npz

_READERS: Final[Mapping[str, Callable[[Path], ImageSet]]] = MappingProxyType(
    {"npz": read_npz, "idx": read_idx, "cifar10-binary": read_cifar10, "folder": read_folder}
)

# Known collections, and where in the data folder each of their formats is looked for.
SOURCES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "digits": (),
        "mnist": ("npz:mnist.npz", "idx:mnist"),
        "fashion_mnist": ("npz:fashion_mnist.npz", "idx:fashion_mnist"),
        "cifar10": ("npz:cifar10.npz", "cifar10-binary:cifar-10-batches-bin"),
    }
)


def load_images(source: str, *, folder: str | Path | None = None) -> ImageSet:
    """Read labeled images.

    Args:
        source: a name from :data:`SOURCES` (``digits`` come with scikit-learn), or ``kind:path`` with the
            kinds ``npz`` (a file), ``idx``, ``cifar10-binary`` and ``folder`` (folders); the path is relative
            to the data folder, or absolute.
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
    if source == "digits":
        return read_digits()
    kind, _, path = source.partition(":")
    if kind in _READERS and path:
        return _in_bytes(_READERS[kind](data_path(path, folder)))
    if source not in SOURCES:
        raise ImageSourceError(_unknown(source))
    root, stated = data_folder(folder)
    places = SOURCES[source]
    found = [place for place in places if (root / place.partition(":")[2]).exists()]
    if len(found) > 1:
        raise ImageSourceError(
            f"{str(root)!r} holds {source} more than once; say which one: {' or '.join(map(repr, found))}"
        )
    if not found:
        expected = " or ".join(repr(place.partition(":")[2]) for place in places)
        raise ImageSourceError(
            f"no {expected} in {str(root)!r}, which {stated} names; put {source} there under one of these "
            "names, or give its place as 'kind:path'"
        )
    kind, _, path = found[0].partition(":")
    return _in_bytes(_READERS[kind](data_path(path, folder)))


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
    kinds = [f"{kind}:PATH" for kind in _READERS]
    near = get_close_matches(source, [*SOURCES, *kinds], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown image source {source!r}; expected one of {', '.join([*SOURCES, *kinds])}{hint}"
