"""The images of populations that were joined: each network has those of its own population."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.populations import Population
from scalegmn.trojans.making._images import NEEDED, Preparation, TrojanImages

_SOURCE: Final = "source"
_SOURCES: Final = "sources"


@final
@dataclass(frozen=True, eq=False)
class PopulationImages:
    """Images of each network of a population.

    Attributes:
        sets: all that there are.
        owners: which of them a network has, by its row in the population; -1 for those not asked for.
    """

    sets: tuple[TrojanImages, ...]
    owners: np.ndarray

    @classmethod
    def from_population(
        cls, population: Population, rows: np.ndarray, *, folder: Path | None = None
    ) -> PopulationImages:
        """Read the images of some networks.

        Args:
            population: as ``scalegmn make trojans`` writes it, or several such that were joined.
            rows: which networks.
            folder: where images are; by default the environment variable ``SCALEGMN_DATA`` names it.

        Raises:
            PopulationError: the population does not say which images it was made with.
            ImageSourceError: they are not found, or are not the ones that it was made with.
        """
        facts, owners = _provenances(population, rows)
        origin = str(population.folder)
        sets = tuple(TrojanImages.from_provenance(one, origin=origin, folder=folder) for one in facts)
        found = np.full(len(population), -1)
        found[rows] = owners
        return cls(sets, found)

    def of(self, row: int) -> TrojanImages:
        """The images of one network, by its row in the population."""
        return self.sets[self.owners[row]]

    def parts(self, rows: np.ndarray) -> Iterator[tuple[TrojanImages, np.ndarray]]:
        """Every set that some networks have, and their places among these."""
        for number, images in enumerate(self.sets):
            places = np.flatnonzero(self.owners[rows] == number)
            if len(places):
                yield images, places

    def changed(self, change: Callable[[TrojanImages], TrojanImages]) -> PopulationImages:
        """Replace each set of images."""
        return dataclasses.replace(self, sets=tuple(map(change, self.sets)))


def preparations_of(population: Population) -> tuple[Preparation, ...]:
    """How the networks of a population take images, each way once.

    Raises:
        PopulationError: the population does not say how it was made.
    """
    facts, _ = _provenances(population, np.arange(len(population)))
    ways = (Preparation.from_provenance(one, origin=str(population.folder)) for one in facts)
    return tuple(dict.fromkeys(ways))


def _provenances(population: Population, rows: np.ndarray) -> tuple[list[Mapping[str, Any]], np.ndarray]:
    """What the populations of some networks say of their images, each once, and which one a network has."""
    whole = population.provenance
    if _SOURCES not in whole or all(name in whole for name in NEEDED):
        return [whole], np.zeros(len(rows), dtype=np.int64)
    names, numbers = np.unique(population.column(_SOURCE)[rows].astype(str), return_inverse=True)
    facts: dict[str, Mapping[str, Any]] = {}
    owners = []
    for name in names.tolist():
        own = _named(whole, name, population)
        key = json.dumps({one: own.get(one) for one in NEEDED}, sort_keys=True, default=str)
        facts.setdefault(key, own)
        owners.append(list(facts).index(key))
    return list(facts.values()), np.array(owners, dtype=np.int64)[numbers]


def _named(provenance: Mapping[str, Any], name: str, population: Population) -> Mapping[str, Any]:
    """The record of a population by the name that networks have for it, such as ``joined/first``."""
    for source in provenance.get(_SOURCES, ()):
        head, record = str(source["name"]), source["provenance"]
        if name == head:
            return dict(record)
        if name.startswith(f"{head}/"):
            # What was joined before may say it of all its networks.
            inner = all(one in record for one in NEEDED)
            return dict(record) if inner else _named(record, name.removeprefix(f"{head}/"), population)
    raise PopulationError(
        f"{population.folder}: networks are from {name!r}, of which its provenance says nothing; join the "
        "populations again"
    )
