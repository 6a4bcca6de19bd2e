"""Which networks of a population a run has learned from: figures about those are too good.

A training writes a number for each of its networks (:func:`~scalegmn.training._census.digests_of`) into its
run folder, so that they are found again in copies, in parts and in other populations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

import numpy as np
from torch import Tensor

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.training._census import digests_of, take_census
from scalegmn.training._config import DataConfig
from scalegmn.training._files import write_array
from scalegmn.training._run_folder import Run
from scalegmn.training._selection import DataSelection, select

NETWORKS: Final = "networks.npy"
"""In a run folder: digest and split of every network of the training, ``(n, 2)`` uint64."""

SPLITS: Final = ("train", "val", "test")
_LEARNED: Final = {
    "train": "the model was trained on this very network: its output is no prediction",
    "val": "this very network helped to choose the best epoch of the training: its prediction may be too "
    "good",
}
ANCESTORS: Final = "ancestors"
"""In ``run.json``: the runs whose weights went into the model, whose networks are among those of the run."""
FOREIGN: Final = ""
"""The split of networks that are not the run's."""


def write_own(folder: Path, splits: Mapping[str, np.ndarray]) -> None:
    """Write the digests of the networks that a model has learned from and is tested on, by their splits."""
    parts = [
        np.stack([splits[name], np.full(len(splits[name]), number, np.uint64)], axis=1)
        for number, name in enumerate(SPLITS)
    ]
    write_array(folder / NETWORKS, np.concatenate(parts))


def learned_networks(run: Run) -> dict[str, np.ndarray]:
    """Digests of the networks that a run has learned from, or chose its best epoch by, by their splits.

    Raises:
        ConfigurationError: the file in the run folder is damaged.
    """
    known = _known(run) or {}
    return {name: known[name] for name in _LEARNED if name in known}


def own_splits(run: Run, population: Population, rows: np.ndarray) -> np.ndarray | None:
    """The split in which the run has each of some networks, ``(n,)`` of words; :data:`FOREIGN` for others.

    A network that is in several of its splits counts as learned from.  None where it cannot be known: the run
    is of an older version, and its population is not at hand.

    Raises:
        ConfigurationError: the file in the run folder is damaged.
    """
    by_rows = _by_checksum(run, population)
    if by_rows is not None:
        return by_rows[rows]
    known = _known(run)
    if known is None:
        return None
    digests = take_census(population, rows, canonicalize=run.canonicalize).digests
    found = np.full(len(rows), FOREIGN, dtype="<U5")
    # From the last to the first, so that training comes out on top.
    for name in reversed(SPLITS):
        found[np.isin(digests, known[name])] = name
    return found


@final
class OwnNetworks:
    """Says about single networks whether a run has learned from them.

    Args:
        run: whose networks they may be.

    Raises:
        ConfigurationError: the file in the run folder is damaged.
    """

    def __init__(self, run: Run) -> None:
        self._known = _known(run) or {}

    def notes(self, architecture: Architecture, theta: Tensor) -> list[str | None]:
        """A note about the prediction for each of some networks, or None.

        Args:
            architecture: of the networks.
            theta: parameters as the model reads them, canonical where the run is, ``(B, P)``.
        """
        digests = np.array(digests_of(architecture, theta), np.uint64)
        found: list[str | None] = [None] * len(digests)
        # From the last to the first, so that training comes out on top.
        for name in reversed(tuple(_LEARNED)):
            for place in np.flatnonzero(np.isin(digests, self._known.get(name, ()))):
                found[place] = _LEARNED[name]
        return found


def training_networks_note(own: np.ndarray | None) -> str | None:
    """What must be said of figures about networks that are in these splits of a run; None for nothing."""
    counts = {} if own is None else {name: int((own == name).sum()) for name in ("train", "val")}
    if not any(counts.values()):
        return None
    assert own is not None
    return (
        f"{counts['train']} of the {len(own)} networks were trained on, and {counts['val']} chose the best "
        "epoch: figures about them are too good"
    )


def is_own_population(run: Run, population: Population) -> bool:
    """Whether it holds what the run's population held, to the byte."""
    return _recorded(run, "population") == population.checksum


def own_selection(run: Run, population: Population) -> DataSelection:
    """The run's own choice of networks of a population with the same content."""
    data = run.data
    same_test = _recorded(run, "test_population") == population.checksum
    test = None if same_test else data.test_population
    return select(dataclasses.replace(data, population=population.folder, test_population=test))


def _by_checksum(run: Run, population: Population) -> np.ndarray | None:
    """The split of every network of the run's own population."""
    if run.facts.get(ANCESTORS):
        # They may have learned from others of its networks.
        return None
    if not is_own_population(run, population) or _recorded(run, "test_population") != population.checksum:
        return None
    selection = own_selection(run, population)
    found = np.full(len(population), FOREIGN, dtype="<U5")
    for name in reversed(SPLITS):
        found[getattr(selection, name)] = name
    return found


def _known(run: Run) -> dict[str, np.ndarray] | None:
    if not (run.folder / NETWORKS).is_file():
        return _computed(run)
    return read_own(run.folder)


def read_own(folder: Path) -> dict[str, np.ndarray]:
    """What :func:`write_own` wrote into a run folder.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    path = folder / NETWORKS
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise ConfigurationError(f"{path}: damaged ({error}); restore it or train again") from error
    if table.dtype != np.uint64 or table.ndim != 2 or table.shape[1] != 2:
        raise ConfigurationError(
            f"{path}: holds {table.dtype} of shape {table.shape}, expected uint64 of shape (n, 2); restore "
            "it or train again"
        )
    return {name: table[table[:, 1] == number, 0] for number, name in enumerate(SPLITS)}


def _computed(run: Run) -> dict[str, np.ndarray] | None:
    """Compute the identifiers from the populations, for runs that did not store them."""
    data: DataConfig = run.data
    try:
        selection = select(data)
    except ScaleGMNError:
        return None
    pairs = {"population": selection.population, "test_population": selection.test_population}
    if any(_recorded(run, name) != one.checksum for name, one in pairs.items()):
        return None
    found = {}
    for name in SPLITS:
        population = selection.test_population if name == "test" else selection.population
        rows = getattr(selection, name)
        found[name] = take_census(population, rows, canonicalize=run.canonicalize).digests
    return found


def _recorded(run: Run, name: str) -> object:
    recorded = run.facts.get("populations", {})
    return recorded.get(name, {}).get("checksum") if isinstance(recorded, dict) else None
