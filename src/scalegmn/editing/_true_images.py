"""The images that the networks of a population were fitted to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.images import ImageSet
from scalegmn.populations import Population

_COLUMNS = ("image", "split")
_AUGMENTATION = "augmentation"


def find_images(images: ImageSet, population: Population, rows: np.ndarray) -> np.ndarray:
    """Places in `images` of the images of some networks, ``(n,)``.

    The population says for every network the `split` of its image (``test``; anything else is training,
    which validation is a part of) and the number of the `image` in that split of the source.  Numbers of
    test images may also go on after those of training images, as in the published CIFAR10-INRs.

    Args:
        images: the source.
        population: networks with the columns `image` and `split`; a column `label` is compared with the
            labels of the source.
        rows: indices of networks, ``(n,)``.

    Raises:
        PopulationError: the population does not say, names images that the source does not have, holds
            networks of changed copies of images, or has other labels than the source.
    """
    missing = [name for name in _COLUMNS if name not in population.columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no column {' and no column '.join(map(repr, missing))}, so the images "
            f"of its networks are not known (there are {list(population.columns)}); learn from what the "
            "networks draw themselves, with the target drawing"
        )
    if _AUGMENTATION in population.columns and (population.column(_AUGMENTATION)[rows] >= 0).any():
        raise PopulationError(
            f"{population.folder}: holds networks of changed copies of images (column {_AUGMENTATION!r}), "
            f"which no source has; leave them out with data.where, {_AUGMENTATION}: -1, or choose the "
            "target drawing"
        )
    number, test = (
        population.column("image")[rows].astype(np.int64),
        population.column("split")[rows] == "test",
    )
    places = np.empty(len(rows), np.int64)
    for split, mine in (("train", ~test), ("test", test)):
        places[mine] = _places(images, split, number[mine], population)
    _compare_labels(images, places, population, rows)
    return places


def stated_size(population: Population) -> tuple[int, int] | None:
    """Rows and columns of the images that the networks were fitted to, where their maker stated them."""
    provenance: object = population.provenance
    while isinstance(provenance, Mapping):
        shape = provenance.get("images_shape")
        if isinstance(shape, list) and len(shape) >= 3:
            return int(shape[1]), int(shape[2])
        # Networks that were edited say what they were before.
        provenance = provenance.get("source")
    return None


def _places(images: ImageSet, split: str, numbers: np.ndarray, population: Population) -> np.ndarray:
    """Places of the images of one split by their numbers in it."""
    have = np.flatnonzero(images.split == split)
    if not len(numbers):
        return have[:0]
    index = images.index[have]
    if split == "test" and numbers.min() > index.max(initial=-1):
        # Counted on from the training images.
        numbers = numbers - np.count_nonzero(images.split == "train")
    order = np.argsort(index)
    found = np.searchsorted(index[order], numbers).clip(max=max(0, len(have) - 1))
    unknown = numbers[index[order][found] != numbers] if len(have) else numbers
    if len(unknown):
        raise PopulationError(
            f"{population.folder}: has networks of the {split} image {unknown[0]}, but {images.name} has "
            f"{len(have)} {split} images, {index.min(initial=0)} to {index.max(initial=0)}; name the source "
            "that its networks were fitted to"
        )
    return have[order[found]]


def _compare_labels(images: ImageSet, places: np.ndarray, population: Population, rows: np.ndarray) -> None:
    if "label" not in population.columns:
        return
    stated, true = population.column("label")[rows], images.labels[places]
    if not np.issubdtype(stated.dtype, np.integer):
        return
    wrong = np.flatnonzero(stated != true)
    if len(wrong):
        first = wrong[0]
        raise PopulationError(
            f"{population.folder}: {len(wrong)} of {len(rows)} networks have another label than their image "
            f"in {images.name}, first network {rows[first]} ({stated[first]}, not {true[first]}); name the "
            "source that its networks were fitted to, in its original order"
        )
