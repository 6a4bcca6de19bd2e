from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.training import DataConfig, DataSelection, select
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
