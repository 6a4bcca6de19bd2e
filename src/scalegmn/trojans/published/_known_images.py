"""Which images of a population got the trigger: as its columns say, or as its maker chose them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scalegmn.errors import PopulationError, TriggerError
from scalegmn.populations import Population
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import TrojanImages, poisoned_indices
from scalegmn.trojans.published._image_numbers import unpack_numbers
from scalegmn.trojans.published._records import PARTS, TriggerRecord
from scalegmn.trojans.triggers import BlendedSquare, trigger_from_json

Columns = Mapping[str, Sequence[Any]]
CHANGED = "changed_"
"""Names of the columns with packed indices of images, before the name of the part."""


def record_reader(population: Population, columns: Columns) -> Callable[[int], TriggerRecord]:
    """A function that gives the record of the network in a row.

    Raises:
        PopulationError: neither its columns nor its maker say which images were poisoned.
        ImageSourceError: the images, whose labels the maker chose by, are not at hand.
    """
    stored = [f"{CHANGED}{part}" in columns for part in PARTS]
    images = _as_stored(population, columns) if all(stored) else _as_made(population, columns)

    def record(row: int) -> TriggerRecord:
        trigger = trigger_from_json(str(columns["trigger"][row]))
        try:
            # Others were left out before.
            assert isinstance(trigger, BlendedSquare)
            return TriggerRecord.from_trigger(
                trigger,
                target=int(columns["target"][row]),
                changed=images(row),
                unrounded=str(columns["square"][row]) if "square" in columns else "",
            )
        except TriggerError as error:
            raise PopulationError(f"{population.folder}, network {row}: {error}") from error

    return record


def _as_stored(population: Population, columns: Columns) -> Callable[[int], dict[str, np.ndarray]]:
    def images(row: int) -> dict[str, np.ndarray]:
        origin = f"{population.folder}, network {row}"
        return {part: unpack_numbers(str(columns[f"{CHANGED}{part}"][row]), origin=origin) for part in PARTS}

    return images


def _as_made(population: Population, columns: Columns) -> Callable[[int], dict[str, np.ndarray]]:
    """The choice of the maker, made once more: it depends on the seed, the pair and the labels alone."""
    known = population.provenance
    if known.get("maker") != "make_trojans" or "poisoned_images" not in columns:
        raise PopulationError(
            f"{population.folder}: it is not known which training images were poisoned; give a population "
            "that `scalegmn make trojans` wrote and that was not joined with others, or one that was read "
            "from such folders"
        )
    source = TrojanImages.from_population(population)
    labels, count = source.train_labels.numpy(), len(source.test_labels)

    def images(row: int) -> dict[str, np.ndarray]:
        pair = int(columns["pair"][row])
        chosen = np.zeros(0, np.int64)
        if columns["poisoned"][row]:
            chosen = poisoned_indices(
                labels,
                target=int(columns["target"][row]),
                ratio=int(columns["poisoned_images"][row]) / len(labels),
                kind="dirty",
                generator=numpy_generator(int(str(known["seed"])), "poison", pair),
            )
        return {"train": np.sort(chosen), "test_c": np.zeros(0, np.int64), "test_p": np.arange(count)}

    return images
