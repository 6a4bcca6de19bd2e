"""The networks that trojaned ones are made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population, rows_where
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making._recipe import BaseSelection

GROUPS: Final = ("network", "run")
"""Columns that say which training run a network is from, where nothing else was said."""
# What is also true of networks that were trained further; all else is that of the base network.
_LASTING: Final = (
    "activation",
    "activations",
    "depth",
    "residuals",
    "architecture_number",
    "dataset",
    "recipe",
    "family",
    "design",
    "normalization",
    "width",
)


@final
@dataclass(frozen=True, eq=False)
class ChosenBases:
    """Base networks in random order.

    Attributes:
        population: that they are from.
        rows: their numbers there, ``(n,)``.
        groups: what each belongs to; such groups never cross splits.
        columns: what the table says about each, under the names that the twins have it by.
    """

    population: Population
    rows: np.ndarray
    groups: list[int | str]
    columns: Mapping[str, list[object]]

    def __len__(self) -> int:
        return len(self.rows)


def choose_bases(population: Population, bases: BaseSelection, *, seed: int) -> ChosenBases:
    """The networks that fulfill all demands.

    Columns with missing, NaN or infinite values among them are left out.

    Raises:
        ConfigurationError: no such column, or no network is left.
    """
    kept = rows_where(population, bases.where, option="where")
    if bases.minimum_accuracy is not None:
        kept &= _good_enough(population, bases.accuracy, bases.minimum_accuracy)
    found = np.flatnonzero(kept)
    if not len(found):
        raise ConfigurationError(
            f"no network of {population.folder} fulfils where={dict(bases.where)} and {bases.accuracy} of "
            f"{bases.minimum_accuracy} or more; ask for less"
        )
    rows = found[numpy_generator(seed, "bases").permutation(len(found))]
    columns: dict[str, list[object]] = {}
    for name in population.columns:
        values = population.column(name)[rows].tolist()
        if name != "network" and all(_is_plain(value) for value in values):
            columns[name if name in _LASTING else f"base_{name}"] = values
    return ChosenBases(population, rows, _groups(population, bases, rows), columns)


def _good_enough(population: Population, name: str, minimum: float) -> np.ndarray:
    if name not in population.columns:
        raise ConfigurationError(
            f"minimum_accuracy: {population.folder} has no column {name!r}; there are "
            f"{list(population.columns)}"
        )
    values = population.column(name)
    if not np.issubdtype(values.dtype, np.number):
        raise ConfigurationError(f"minimum_accuracy: the column {name!r} holds no numbers, but {values[:3]}")
    return np.asarray(values >= minimum)


def _groups(population: Population, bases: BaseSelection, rows: np.ndarray) -> list[int | str]:
    if bases.group is not None and bases.group not in population.columns:
        raise ConfigurationError(
            f"group: {population.folder} has no column {bases.group!r}; there are {list(population.columns)}"
        )
    name = bases.group or next((known for known in GROUPS if known in population.columns), None)
    groups: list[int | str] = (rows if name is None else population.column(name)[rows]).tolist()
    return groups


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
