"""One look at all networks of a training before it starts: which are of unusual size, what names each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.nn import LARGEST, median_of
from scalegmn.populations import Population
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training._config import DataConfig
from scalegmn.training._selection import DataSelection, usable

LEFT_OUT: Final = 1000.0
"""Networks whose weights are so many times as large as usual are not learned from: features would
overflow.
"""
NEGLIGIBLE: Final = 0.01
"""A parameter is not compared with less than this, times the usual size of the parameters of its network."""
SHOWN: Final = 5
"""Outliers that are named one by one."""

_NAMES: Final = ("file", "name", "id", "network", "image")
_PORTION: Final = 1024
# Fewer networks of an architecture have no usual size of their own.
_FEWEST: Final = 5


@dataclass(frozen=True)
class Outlier:
    """A network with weights of unusual size.

    Attributes:
        row: its number in the population.
        name: what else the population calls it, such as ``file a.pt``; empty if nothing.
        parameter: the name of the parameter that is farthest from its usual size.
        times: how many times as large as usual that is.
    """

    row: int
    name: str
    parameter: str
    times: float

    def describe(self) -> str:
        """Row, name and size in words."""
        name = f" ({self.name})" if self.name else ""
        return f"row {self.row}{name}: {self.parameter} is {self.times:.3g} times as large as usual"


@dataclass(frozen=True, eq=False)
class Census:
    """What was found among networks.

    Attributes:
        digests: a number that names the parameters of each, ``(n,)`` uint64.
        outliers: those of unusual size, the largest first.
    """

    digests: np.ndarray
    outliers: tuple[Outlier, ...]


@dataclass(frozen=True, eq=False)
class CheckedData:
    """The networks of a training after a look at them.

    Attributes:
        selection: without those that cannot be learned from.
        splits: the digests of its networks by the name of their split.
        notes: what a user should know, one sentence each.
        facts: the same for ``run.json``.
    """

    selection: DataSelection
    splits: dict[str, np.ndarray]
    notes: tuple[str, ...]
    facts: dict[str, Any]


def check_networks(selection: DataSelection, config: DataConfig) -> CheckedData:
    """Look at all networks of a training; those that are far too large are not learned from.

    Test networks stay as they are: figures are about all of them.
    """
    rows = {name: getattr(selection, name) for name in ("train", "val", "test")}
    together = np.concatenate([rows["train"], rows["val"]])
    learned = take_census(selection.population, together, canonicalize=config.canonicalize)
    tested = take_census(selection.test_population, rows["test"], canonicalize=config.canonicalize)
    wild = {one.row for one in learned.outliers if one.times > LEFT_OUT and not config.keep_diverged}
    kept = ~np.isin(together, list(wild))
    count = len(rows["train"])
    splits = {
        "train": learned.digests[:count][kept[:count]],
        "val": learned.digests[count:][kept[count:]],
        "test": tested.digests,
    }
    left = {name: rows[name][mine] for name, mine in (("train", kept[:count]), ("val", kept[count:]))}
    if not all(map(len, left.values())):
        # Where all are alike wild, none is.
        left, wild, splits = (
            {},
            set(),
            {**splits, "train": learned.digests[:count], "val": learned.digests[count:]},
        )
    notes = [*_of_marked(selection, config), *_of_size("training and validation", learned.outliers, wild)]
    notes += _of_size("test", tested.outliers, set())
    known = int(np.isin(tested.digests, np.concatenate([splits["train"], splits["val"]])).sum())
    if known:
        notes.append(
            f"{known} of the {len(tested.digests)} test networks are networks of the training itself, so the "
            "figures are too good; give test networks that were not learned from"
        )
    facts = {
        "left_out": {"diverged": _marked(selection.population, config), "outliers": sorted(wild)},
        "outliers": [dataclasses.asdict(one) for one in (*learned.outliers, *tested.outliers)[:100]],
        "test_networks_of_training": known,
        "notes": notes,
    }
    return CheckedData(dataclasses.replace(selection, **left), splits, tuple(notes), facts)


def take_census(population: Population, rows: np.ndarray, *, canonicalize: bool) -> Census:
    """Look at networks of a population.

    Args:
        population: where they are.
        rows: which ones.
        canonicalize: whether phases of sine neurons are brought into one range first.
    """
    digests = np.zeros(len(rows), np.uint64)
    sizes: dict[Architecture, list[tuple[np.ndarray, Tensor]]] = {}
    for start in range(0, len(rows), _PORTION):
        for architecture, chosen, theta in population.groups(rows[start : start + _PORTION]):
            known = canonicalize_sine_phase(architecture, theta) if canonicalize else theta
            places = start + chosen.numpy()
            digests[places] = digests_of(architecture, known)
            sizes.setdefault(architecture, []).append((places, _sizes(architecture, theta)))
    return Census(digests, tuple(_outliers(population, rows, sizes)))


def digests_of(architecture: Architecture, theta: Tensor) -> list[int]:
    """A number of 64 bits for each of some networks ``(B, P)``; equal parameters have equal ones."""
    kind = architecture.fingerprint.encode()
    return [
        int.from_bytes(hashlib.blake2b(one.tobytes(), digest_size=8, key=kind[:64]).digest(), "little")
        for one in theta.float().numpy()
    ]


def _sizes(architecture: Architecture, theta: Tensor) -> Tensor:
    """The root mean square of every parameter, ``(B, parameters)``."""
    parts = [theta[:, part.start : part.stop].double().square().mean(1) for part in architecture.parameters]
    return torch.stack(parts, dim=1).sqrt()


def _outliers(
    population: Population, rows: np.ndarray, sizes: dict[Architecture, list[tuple[np.ndarray, Tensor]]]
) -> list[Outlier]:
    found = []
    for architecture, parts in sizes.items():
        places = np.concatenate([places for places, _ in parts])
        if len(places) < _FEWEST:
            continue
        of_all = torch.cat([size for _, size in parts])
        usual = median_of(of_all, of_all > 0)
        # What nothing trains, such as a key's bias, is next to 0 in most networks: all is many times that.
        usual = torch.maximum(usual, NEGLIGIBLE * usual.nanmedian())
        times = (of_all / usual).nan_to_num(0.0, posinf=0.0)
        largest, which = times.max(1)
        for number in torch.nonzero(largest > LARGEST).flatten().tolist():
            row, parameter = int(rows[places[number]]), architecture.parameters[int(which[number])].name
            found.append(Outlier(row, _name(population, row), parameter, float(largest[number])))
    return sorted(found, key=lambda one: -one.times)


def _name(population: Population, row: int) -> str:
    for name in _NAMES:
        if name in population.columns:
            return f"{name} {population.metadata[name][row].as_py()}"
    return ""


def _marked(population: Population, config: DataConfig) -> int:
    return int((~usable(population, config)).sum())


def _of_marked(selection: DataSelection, config: DataConfig) -> list[str]:
    populations = {one.checksum: one for one in (selection.population, selection.test_population)}
    counts = {one.folder: _marked(one, config) for one in populations.values()}
    return [
        f"{count} networks of {folder} are marked as diverged and were left out; data.keep_diverged keeps "
        "them"
        for folder, count in counts.items()
        if count
    ]


def _of_size(kind: str, outliers: Sequence[Outlier], wild: set[int]) -> list[str]:
    if not outliers:
        return []
    named = "; ".join(one.describe() for one in outliers[:SHOWN])
    more = f"; and {len(outliers) - SHOWN} more" if len(outliers) > SHOWN else ""
    out = f"; {len(wild)} left out (data.keep_diverged keeps all)" if wild else ""
    have = "network has" if len(outliers) == 1 else "networks have"
    return [f"{len(outliers)} {kind} {have} weights of unusual size: {named}{more}{out}"]
