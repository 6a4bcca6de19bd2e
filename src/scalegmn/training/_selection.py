"""Which networks of which population a training uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.populations import (
    ARCHITECTURE_COLUMN,
    Population,
    Splits,
    nested_subset,
    rows_where,
    split_by_column,
    split_by_fold,
    split_by_group,
)
from scalegmn.seeding import numpy_generator
from scalegmn.training._config import DataConfig

DIVERGED: Final = "diverged"
"""Column that marks networks whose own training diverged."""

DEFAULT_GROUPS: Final = ("network", "image")
"""Columns whose groups stay together where nothing else was said."""


@dataclass(frozen=True, eq=False)
class DataSelection:
    """Populations and the networks chosen from them.

    Attributes:
        population: of `train` and `val`.
        test_population: of `test`; the same one, or another.
        train, val, test: indices of networks.
    """

    population: Population
    test_population: Population
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """Architectures of the networks to learn from and to be tested on."""
        found = [
            *self._architectures_of(self.population, self.train),
            *self._architectures_of(self.population, self.val),
        ]
        found += self._architectures_of(self.test_population, self.test)
        return tuple(dict.fromkeys(found))

    @staticmethod
    def _architectures_of(population: Population, rows: np.ndarray) -> list[Architecture]:
        numbers = np.unique(population.column(ARCHITECTURE_COLUMN)[rows])
        return [population.architectures[number] for number in numbers.tolist()]


def select(config: DataConfig) -> DataSelection:
    """Choose networks for training, validation and test.

    Raises:
        PopulationError: a population cannot be read or lacks a column.
        ConfigurationError: not enough networks for what was asked.
    """
    population = Population.open(config.population)
    other = population if config.test_population is None else Population.open(config.test_population)
    # A copy of the training population is no other one: its networks are tested on as if it were the same.
    same = other.checksum == population.checksum
    splits = splits_of(population, config, test=same)
    test = splits.test if same else rows_for_testing(other, config)
    # Networks are split before some are left out, so that a filter moves no network to another split.
    kept, other_kept = (
        usable(one, config) & rows_with_values(one, config.where) for one in (population, other)
    )
    learned = kept & rows_where(population, config.train_where, option="data.train_where")
    train, val = splits.train[learned[splits.train]], splits.val[learned[splits.val]]
    if config.train_groups is not None:
        train, val = _subset(population, np.sort(np.concatenate([train, val])), config)
    chosen = {
        "train": _limited(train, config.train_limit, "train", config),
        "val": _limited(val, config.val_limit, "val", config),
        "test": _limited(test[other_kept[test]], config.test_limit, "test", config),
    }
    empty = [name for name in ("train", "val") if not len(chosen[name])]
    if empty:
        raise ConfigurationError(
            f"data: {population.folder} has no networks for {' and '.join(empty)} "
            f"that can be used and that data.where and data.train_where leave ({splits.describe()} without "
            f"these); look at its column {config.split!r}, data.validation, data.where and data.train_where"
        )
    if config.folds is not None and not len(chosen["test"]):
        raise ConfigurationError(
            f"data: fold {config.fold} of {config.folds} has no networks of {population.folder} to test on; "
            "give fewer folds, or look at data.where"
        )
    return DataSelection(population, other, **chosen)


def rows_tested(config: DataConfig) -> tuple[Population, np.ndarray]:
    """What all training runs with these settings are tested on together: of folds, the test networks of each.

    Raises:
        PopulationError, ConfigurationError: as :func:`select`.
    """
    parts = [select(dataclasses.replace(config, fold=fold)) for fold in range(config.folds or 1)]
    return parts[0].test_population, np.sort(np.concatenate([part.test for part in parts]))


def splits_of(population: Population, config: DataConfig, *, test: bool) -> Splits:
    """Splits by the column that states them, or at random by groups.

    Args:
        population: to be split.
        config: how.
        test: whether random splits take test networks out as well.
    """
    group = group_column(population, config)
    validation = _validation(config)
    if config.folds is not None:
        owners = np.arange(len(population)) if group is None else population.column(group)
        return split_by_fold(
            owners, folds=config.folds, fold=config.fold, validation=validation, seed=config.split_seed
        )
    if config.split in population.columns:
        stated = "val" in population.column(config.split)
        return split_by_column(
            population,
            column=config.split,
            validation=0 if stated else validation,
            group=group,
            seed=config.split_seed,
        )
    groups = np.arange(len(population)) if group is None else population.column(group)
    count = len(np.unique(groups))
    share = validation / count if isinstance(validation, int) else validation
    out = config.test if test else 0.0
    return split_by_group(groups, fractions=(1 - share - out, share, out), seed=config.split_seed)


def group_column(population: Population, config: DataConfig) -> str | None:
    """The column whose groups stay together, or None where every network stands alone.

    Raises:
        ConfigurationError: the population does not have the column that was asked for.
    """
    if config.group is not None and config.group not in population.columns:
        raise ConfigurationError(
            f"data.group: {population.folder} has no column {config.group!r}; there are "
            f"{list(population.columns)}"
        )
    return _groups_in(population, config)


def groups_among(population: Population, rows: np.ndarray, config: DataConfig) -> np.ndarray | None:
    """What each of the networks `rows` belongs to, ``(n,)``; None where every network stands alone.

    Intervals come from resampling such groups: checkpoints of one training are not independent of each other.
    """
    name = _groups_in(population, config)
    return None if name is None else population.column(name)[rows]


def _groups_in(population: Population, config: DataConfig) -> str | None:
    """The column that was asked for where the population has it, or a usual one."""
    wanted = () if config.group is None else (config.group,)
    return next((name for name in (*wanted, *DEFAULT_GROUPS) if name in population.columns), None)


def rows_with_values(population: Population, where: Mapping[str, Any]) -> np.ndarray:
    """Which networks have the wanted values, ``(N,)``.

    Raises:
        ConfigurationError: there is no such column, or no network has such a value.
    """
    return rows_where(population, where, option="data.where")


def usable(population: Population, config: DataConfig) -> np.ndarray:
    """Which networks did not diverge, as far as the column says, ``(N,)``; all if they are to be kept."""
    if config.keep_diverged or DIVERGED in config.where or DIVERGED not in population.columns:
        return np.ones(len(population), bool)
    return ~(population.column(DIVERGED) == True)  # noqa: E712


def rows_for_testing(population: Population, config: DataConfig) -> np.ndarray:
    """Networks of a population that is there for testing: those it calls test, or else all."""
    if config.split in population.columns:
        named = np.flatnonzero(population.column(config.split) == "test")
        if len(named):
            return named
    return np.arange(len(population))


def _validation(config: DataConfig) -> float | int:
    """A share, or a whole number of groups."""
    return int(config.validation) if config.validation >= 1 else config.validation


def _subset(population: Population, rows: np.ndarray, config: DataConfig) -> tuple[np.ndarray, np.ndarray]:
    """Keep the first groups of the networks to learn from; return training and validation rows."""
    assert config.train_groups is not None, "there is a number of groups"
    owners = groups_among(population, rows, config)
    train, val = nested_subset(
        rows if owners is None else owners,
        size=config.train_groups,
        validation=_validation(config),
        seed=config.split_seed,
    )
    return rows[train], rows[val]


def _limited(rows: np.ndarray, limit: int | None, name: str, config: DataConfig) -> np.ndarray:
    if limit is None or limit >= len(rows):
        return rows
    order = numpy_generator(config.split_seed, "limit", name).permutation(len(rows))
    return np.sort(rows[order[:limit]])
