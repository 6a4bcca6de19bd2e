from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import Population
from scalegmn.training import DataConfig, DataSelection, select
from scalegmn.training._selection import rows_tested
from tests.training.small import small_population


def images(selection: DataSelection, name: str) -> set[int]:
    return set(selection.population.column("image")[getattr(selection, name)].tolist())


@pytest.mark.parametrize("split", [True, False])
def test_images_never_cross_splits(tmp_path: Path, split: bool) -> None:
    small_population(tmp_path, split=split)
    selection = select(DataConfig(population=tmp_path, validation=0.25, test=0.25))
    parts = [images(selection, name) for name in ("train", "val", "test")]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 48


def test_the_column_says_what_is_for_testing(tmp_path: Path) -> None:
    population = small_population(tmp_path)
    selection = select(DataConfig(population=tmp_path))
    assert (population.column("split")[selection.test] == "test").all()
    assert (population.column("split")[np.concatenate([selection.train, selection.val])] == "train").all()


def test_another_population_for_testing(tmp_path: Path) -> None:
    small_population(tmp_path / "a", split=False)
    other = small_population(tmp_path / "b", networks=10, split=False, seed=1)
    selection = select(DataConfig(population=tmp_path / "a", test_population=tmp_path / "b"))
    assert selection.test_population.folder == other.folder
    assert len(selection.test) == 10
    assert len(selection.train) + len(selection.val) == 96


def test_validation_may_be_a_number_of_images(tmp_path: Path) -> None:
    small_population(tmp_path)
    assert len(images(select(DataConfig(population=tmp_path, validation=5)), "val")) == 5


def test_limits(tmp_path: Path) -> None:
    small_population(tmp_path)
    config = DataConfig(population=tmp_path, train_limit=7, val_limit=3, test_limit=2)
    selection = select(config)
    assert [len(selection.train), len(selection.val), len(selection.test)] == [7, 3, 2]
    assert np.isin(selection.train, select(DataConfig(population=tmp_path)).train).all()
    assert np.array_equal(selection.train, select(config).train)


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    small_population(tmp_path)
    with pytest.raises(ConfigurationError, match="validation=500"):
        select(DataConfig(population=tmp_path, validation=500))


def test_missing_population(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="does not exist"):
        select(DataConfig(population=tmp_path / "none"))


def test_values_may_be_held_out_of_training(tmp_path: Path) -> None:
    population = small_population(tmp_path)
    plain = select(DataConfig(population=tmp_path, validation=0.25))
    seen = select(DataConfig(population=tmp_path, validation=0.25, train_where={"label": [0, 1]}))
    label = population.column("label")
    for name in ("train", "val"):
        before, after = getattr(plain, name), getattr(seen, name)
        # What is held out is left out, and moves no network to another split.
        assert set(label[after]) == {0, 1}
        assert np.array_equal(after, before[label[before] < 2])
    assert np.array_equal(seen.test, plain.test) and set(label[seen.test]) == {0, 1, 2}
    both = select(DataConfig(population=tmp_path, where={"label": [1, 2]}, train_where={"label": [0, 1]}))
    assert set(label[both.train]) == {1} and set(label[both.test]) == {1, 2}
    with pytest.raises(ConfigurationError, match=r"data\.train_where: no network of .* has label 7"):
        select(DataConfig(population=tmp_path, train_where={"label": 7}))
    with pytest.raises(ConfigurationError, match=r"no networks for train and val.*data\.train_where"):
        select(DataConfig(population=tmp_path, where={"label": 2}, train_where={"label": [0, 1]}))


def test_folds_test_on_every_network_once_whatever_the_column_says(tmp_path: Path) -> None:
    population = small_population(tmp_path)
    config = DataConfig(population=tmp_path, folds=4, validation=0.25, where={"label": [0, 1]})
    parts = [select(dataclasses.replace(config, fold=fold)) for fold in range(4)]
    kept = np.flatnonzero(population.column("label") < 2)
    together = np.sort(np.concatenate([part.test for part in parts]))
    assert np.array_equal(together, kept)
    assert np.array_equal(rows_tested(config)[1], kept)
    assert np.array_equal(rows_tested(DataConfig(population=tmp_path))[1], parts_of(population, "test"))
    for part in parts:
        names = [images(part, name) for name in ("train", "val", "test")]
        assert all(names) and sum(map(len, names)) == len(set.union(*names)) == 32
    # What is tested on does not depend on what is learned from.
    seen = dataclasses.replace(config, fold=1, train_where={"label": 0}, train_groups=8)
    assert np.array_equal(select(seen).test, parts[1].test)


def parts_of(population: Population, name: str) -> np.ndarray:
    return np.flatnonzero(population.column("split") == name)


def test_a_fold_without_networks_is_refused(tmp_path: Path) -> None:
    small_population(tmp_path, networks=24)
    config = DataConfig(population=tmp_path, folds=12, where={"label": [0, 1]}, validation=6)
    with pytest.raises(ConfigurationError, match=r"fold \d+ of 12 has no networks of .* to test on"):
        rows_tested(config)
    with pytest.raises(ConfigurationError, match=r"data\.folds is 13, but there are only 12 groups"):
        select(dataclasses.replace(config, folds=13))


def test_subsets_of_groups_leave_the_test_networks_alone(tmp_path: Path) -> None:
    population = small_population(tmp_path)
    config = DataConfig(population=tmp_path, validation=0.25)
    whole, before = select(config), (set[int](), set[int]())
    for size in (4, 8, 36):
        part = select(dataclasses.replace(config, train_groups=size))
        assert np.array_equal(part.test, whole.test)
        train, val = images(part, "train"), images(part, "val")
        assert (len(train), len(val)) == (size - size // 4, size // 4)
        assert len(part.train) == 2 * len(train) and not train & val
        assert before[0] <= train and before[1] <= val
        before = train, val
    # Of the networks that are left by filters, all groups count.
    few = dataclasses.replace(config, train_where={"label": 0}, train_groups=8)
    assert set(population.column("label")[select(few).train]) == {0}
    with pytest.raises(ConfigurationError, match=r"data\.train_groups is 40, but there are only 36 groups"):
        select(dataclasses.replace(config, train_groups=40))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": 1}, "fold is 1 of no folds"),
        ({"folds": 3, "fold": 3}, "fold is 3 of 3 folds, expected a number from 0 to below"),
        ({"folds": 1}, "folds"),
        ({"folds": 3, "test_population": Path("other")}, "folds and test_population are both given"),
    ],
)
def test_contradictory_folds(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DataConfig(population=Path("anywhere"), **changes)
