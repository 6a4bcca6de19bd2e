"""Which networks are for training, for validation and for testing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, final

import numpy as np

from scalegmn.configuration import read_json_file
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations._durable import write_atomically
from scalegmn.populations._store import Population
from scalegmn.seeding import numpy_generator

NAMES: Final = ("train", "val", "test")
_LARGEST: Final = 2**30
"""Bytes of a file: the numbers of a hundred million networks."""


@final
@dataclass(frozen=True, eq=False)
class Splits:
    """Numbers of networks of a population; any of the three may be empty.

    Attributes:
        train, val, test: one-dimensional, int64.

    Raises:
        PopulationError: not lists of numbers, or a network occurs twice.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        for name in NAMES:
            indices = np.asarray(self[name])
            indices = indices.astype(np.int64) if indices.size == 0 else indices
            if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer) or (indices < 0).any():
                raise PopulationError(
                    f"split {name!r} has shape {indices.shape} and type {indices.dtype}, expected a list of "
                    "integers from 0"
                )
            object.__setattr__(self, name, indices.astype(np.int64, copy=False))
        everything = np.concatenate([self[name] for name in NAMES])
        values, counts = np.unique(everything, return_counts=True)
        if (counts > 1).any():
            twice = values[counts > 1]
            where = [name for name in NAMES if twice[0] in self[name]]
            raise PopulationError(
                f"{len(twice)} networks occur more than once in the splits, first network {twice[0]} in "
                f"{' and '.join(where)}; every network may be in one split, once"
            )

    def __getitem__(self, name: str) -> np.ndarray:
        match name:
            case "train":
                return self.train
            case "val":
                return self.val
            case "test":
                return self.test
        raise KeyError(f"no split {name!r}; there are {', '.join(NAMES)}")

    def __len__(self) -> int:
        return len(self.train) + len(self.val) + len(self.test)

    def describe(self) -> str:
        """One line such as ``train 55000, val 5000, test 10000``."""
        return ", ".join(f"{name} {len(self[name])}" for name in NAMES)

    def check(self, population: Population) -> None:
        """Refuse splits of another population.

        Raises:
            PopulationError: they name networks that the population does not have.
        """
        largest = max((int(self[name].max()) for name in NAMES if len(self[name])), default=-1)
        if largest >= len(population):
            raise PopulationError(
                f"the splits name network {largest}, but {population.folder} holds {len(population)} "
                "networks, numbered from 0; use the splits that were made for it"
            )

    def write(self, path: str | Path) -> None:
        """Write ``{"train": [...], "val": [...], "test": [...]}`` as JSON."""
        data = {name: self[name].tolist() for name in NAMES}
        write_atomically(Path(path), (json.dumps(data) + "\n").encode())

    @classmethod
    def read(cls, path: str | Path) -> Splits:
        """Read what :meth:`write` wrote.

        Raises:
            PopulationError: the file is missing or holds something else.
        """
        try:
            data = read_json_file(Path(path), max_bytes=_LARGEST)
        except (OSError, ValueError) as error:
            raise PopulationError(f"{path}: cannot be read as a splits file: {error}") from error
        if not isinstance(data, dict) or set(data) != set(NAMES):
            found = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise PopulationError(f"{path}: holds {found}, expected lists of numbers called {list(NAMES)}")
        try:
            return cls(**{name: np.asarray(data[name]) for name in NAMES})
        except ValueError as error:
            raise PopulationError(f"{path}: {error}") from error


def split_by_group(
    groups: Sequence[object] | np.ndarray,
    *,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int,
) -> Splits:
    """Split networks at random so that a group never crosses splits.

    Groups are shuffled and handed out until each split has its share of the networks, as nearly as whole
    groups allow.  Every split whose fraction is not 0 gets at least one group.

    Args:
        groups: ``(N,)``, what the networks are grouped by, such as the image each was fitted to.
        fractions: fractions of training, validation and test; they add up to 1.
        seed: of the shuffle.

    Raises:
        ConfigurationError: impossible fractions, or fewer groups than splits.

    Example:
        >>> from scalegmn.populations import split_by_group
        >>> images = [0, 0, 1, 1, 2, 2, 3, 3]
        >>> splits = split_by_group(images, fractions=(0.5, 0.25, 0.25), seed=0)
        >>> len(splits.train), len(splits.val), len(splits.test)
        (4, 2, 2)
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ConfigurationError(
            f"fractions {fractions}: expected three numbers, none negative, that add up to 1"
        )
    array = np.asarray(groups)
    if array.ndim != 1:
        raise ConfigurationError(f"groups have shape {array.shape}, expected one value per network")
    values, members, counts = np.unique(array, return_inverse=True, return_counts=True)
    wanted = sum(fraction > 0 for fraction in fractions)
    if len(values) < wanted:
        raise ConfigurationError(
            f"{len(values)} groups cannot fill {wanted} splits; lower a fraction to 0 or use more groups"
        )
    order = numpy_generator(seed, "splits", "groups").permutation(len(values))
    split_of = np.empty(len(values), np.int64)
    split_of[order] = np.repeat(np.arange(3), np.diff(_cuts(counts[order], fractions)))
    return _from_numbers(split_of[members])


def split_by_column(
    population: Population,
    *,
    column: str = "split",
    validation: float | int = 0,
    group: str | None = None,
    seed: int = 0,
) -> Splits:
    """Splits as a metadata column states them with ``train``, ``val`` and ``test``.

    Args:
        population: networks with their metadata.
        column: name of the column.
        validation: where the column knows no ``val``, how much of ``train`` to take for it at random: a
            share between 0 and 1, or a whole number of groups.
        group: a column whose groups must not cross from training to validation, such as ``image``; by
            default every network is a group of its own.
        seed: of the choice of validation networks.

    Raises:
        PopulationError: no such column, or other values in it.
        ConfigurationError: `validation` is impossible, or the column has validation networks already.
    """
    values = population.column(column)
    unknown = sorted({str(value) for value in np.unique(values.astype(str)) if value not in NAMES})
    if unknown:
        raise PopulationError(
            f"{population.folder}: the column {column!r} holds {unknown[:5]}, expected {', '.join(NAMES)}"
        )
    found = {name: np.flatnonzero(values == name) for name in NAMES}
    if not validation:
        return Splits(**found)
    if len(found["val"]):
        raise ConfigurationError(
            f"validation={validation}, but the column {column!r} of {population.folder} has "
            f"{len(found['val'])} validation networks already; leave it at 0"
        )
    train = found["train"]
    groups = train if group is None else population.column(group)[train]
    chosen = _choose_groups(groups, validation, seed)
    return Splits(train=train[~chosen], val=train[chosen], test=found["test"])


def mnist_splits(
    paths: Iterable[str | PurePosixPath], *, validation: int = 5000, seed: int
) -> dict[str, dict[str, list[str]]]:
    """The content of a splits file for the published MNIST-INRs.

    Args:
        paths: checkpoints as ``.../mnist_png_{training|testing}_{label}_{index}/...``, in any order.
        validation: how many training networks to take for validation at random.
        seed: of the choice.

    Returns:
        ``{"train"|"val"|"test": {"path": [...], "label": ["5", ...]}}``, each in the order of the index.

    Raises:
        PopulationError: a path of another form, or a network that occurs twice.
        ConfigurationError: not more training networks than `validation`.
    """
    networks = sorted((*_parse_mnist(str(path)), str(path)) for path in paths)
    for before, after in itertools.pairwise(networks):
        if before[:3] == after[:3]:
            raise PopulationError(f"{before[3]!r} and {after[3]!r} are the same network; give each once")
    train = [network for network in networks if network[0] == "training"]
    test = [network for network in networks if network[0] == "testing"]
    chosen = np.zeros(len(train), bool)
    if validation:
        chosen = _choose_groups(np.arange(len(train)), validation, seed)
    parts = {
        "train": [network for network, is_val in zip(train, chosen, strict=True) if not is_val],
        "val": [network for network, is_val in zip(train, chosen, strict=True) if is_val],
        "test": test,
    }
    return {
        name: {"path": [entry[3] for entry in part], "label": [entry[2] for entry in part]}
        for name, part in parts.items()
    }


def _parse_mnist(path: str) -> tuple[str, int, str]:
    """Split, index and label."""
    for folder in PurePosixPath(path).parts:
        fields = folder.split("_")
        if len(fields) >= 3 and fields[-3] in ("training", "testing"):
            label, index = fields[-2:]
            if label.isdecimal() and index.isdecimal():
                return fields[-3], int(index), label
    raise PopulationError(
        f"{path!r} is no checkpoint of the MNIST-INRs; expected "
        "'mnist_png_{training|testing}_{label}_{index}' among its folders"
    )


def _choose_groups(groups: np.ndarray, amount: float | int, seed: int) -> np.ndarray:
    """A mask of the networks that belong to a random choice of groups."""
    values, members = np.unique(groups, return_inverse=True)
    count = round(amount * len(values)) if isinstance(amount, float) else int(amount)
    if not 0 < count < len(values):
        raise ConfigurationError(
            f"validation={amount} of {len(values)} groups; expected a fraction between 0 and 1, or a "
            "number of groups, that leaves some for training and takes some"
        )
    chosen = np.zeros(len(values), bool)
    chosen[numpy_generator(seed, "splits", "validation").permutation(len(values))[:count]] = True
    return np.asarray(chosen[members])


def _cuts(counts: np.ndarray, fractions: Sequence[float]) -> list[int]:
    """Where to cut groups of these sizes into three, with the number of groups at the end."""
    middles = np.cumsum(counts) - counts / 2
    inner = np.searchsorted(middles, counts.sum() * np.cumsum(fractions)[:2]).tolist()
    cuts = [0, *inner, len(counts)]
    wanted = [int(fraction > 0) for fraction in fractions]
    for i in (1, 2):
        cuts[i] = max(cuts[i], cuts[i - 1] + wanted[i - 1])
    for i in (2, 1):
        cuts[i] = min(cuts[i], cuts[i + 1] - wanted[i])
    return cuts


def _from_numbers(split_of: np.ndarray) -> Splits:
    return Splits(**{name: np.flatnonzero(split_of == number) for number, name in enumerate(NAMES)})
