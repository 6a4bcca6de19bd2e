"""Which networks of which population a training uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.populations.splits import Splits, split_by_column, split_by_group
from scalegmn.populations.store import Population
from scalegmn.seeding import numpy_generator
from scalegmn.training.config import DataConfig


@dataclass(frozen=True, eq=False)
class Selection:
    """Populations and the networks chosen from them.

    Attributes:
        population: of `train` and `val`.
        test_population: of `test`; the same one, or another.
        train, val, test: numbers of networks.
    """

    population: Population
    test_population: Population
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def select(config: DataConfig) -> Selection:
    """Choose networks for training, validation and test.

    Raises:
        PopulationError: a population cannot be read or lacks a column.
        ConfigurationError: not enough networks for what was asked.
    """
    population = Population.open(config.population)
    splits = splits_of(population, config, test=config.test_population is None)
    other = population
    test = splits.test
    if config.test_population is not None:
        other = Population.open(config.test_population)
        test = rows_for_testing(other, config)
    chosen = {
        "train": _limited(splits.train, config.train_limit, "train", config),
        "val": _limited(splits.val, config.val_limit, "val", config),
        "test": _limited(test, config.test_limit, "test", config),
    }
    empty = [name for name in ("train", "val") if not len(chosen[name])]
    if empty:
        raise ConfigurationError(
            f"data: {population.folder} has no networks for {' and '.join(empty)} "
            f"({splits.describe()}); look at its column {config.split!r} and at data.validation"
        )
    return Selection(population, other, **chosen)


def splits_of(population: Population, config: DataConfig, *, test: bool) -> Splits:
    """Splits by the column that states them, or at random by groups.

    Args:
        population: to be split.
        config: how.
        test: whether random splits take test networks out as well.
    """
    group = config.group if config.group in population.columns else None
    validation = int(config.validation) if config.validation >= 1 else config.validation
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


def rows_for_testing(population: Population, config: DataConfig) -> np.ndarray:
    """Networks of a population that is there for testing: those it calls test, or else all."""
    if config.split in population.columns:
        named = np.flatnonzero(population.column(config.split) == "test")
        if len(named):
            return named
    return np.arange(len(population))


def _limited(rows: np.ndarray, limit: int | None, name: str, config: DataConfig) -> np.ndarray:
    if limit is None or limit >= len(rows):
        return rows
    order = numpy_generator(config.split_seed, "limit", name).permutation(len(rows))
    return np.sort(rows[order[:limit]])
