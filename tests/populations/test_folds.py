from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.populations import Splits, nested_subset, split_by_fold

GROUPS = np.repeat(np.arange(23), 3)[np.random.default_rng(0).permutation(69)]


def fold(number: int, *, folds: int = 5, seed: int = 0, validation: float | int = 0.25) -> Splits:
    return split_by_fold(GROUPS, folds=folds, fold=number, validation=validation, seed=seed)


def owners(rows: np.ndarray) -> set[int]:
    return set(GROUPS[rows].tolist())


def test_every_network_is_tested_once_and_groups_stay_whole() -> None:
    parts = [fold(number) for number in range(5)]
    tested = np.concatenate([part.test for part in parts])
    assert sorted(tested.tolist()) == list(range(len(GROUPS)))
    for part in parts:
        names = [owners(rows) for rows in (part.train, part.val, part.test)]
        assert sum(map(len, names)) == len(set.union(*names)) == 23
        assert len(part) == len(GROUPS)
        assert len(names[2]) in (4, 5)
        # A quarter of those that are not tested on.
        assert len(names[1]) == round(0.25 * (23 - len(names[2])))


def test_validation_is_drawn_anew_for_every_fold_and_may_be_a_number() -> None:
    parts = [fold(number, validation=3) for number in range(5)]
    assert [len(owners(part.val)) for part in parts] == [3] * 5
    assert len({tuple(sorted(owners(part.val))) for part in parts}) > 1
    assert np.array_equal(fold(2).val, fold(2).val)
    assert not np.array_equal(fold(2).test, fold(2, seed=1).test)


def test_impossible_folds() -> None:
    with pytest.raises(ConfigurationError, match=r"data\.folds is 24, but there are only 23 groups"):
        fold(0, folds=24)
    with pytest.raises(ConfigurationError, match=r"data\.validation is 18 of the 18 groups"):
        fold(0, validation=18)
    assert len(fold(0, folds=23).test) == 3


def subset(size: int, validation: float | int = 0.2) -> tuple[np.ndarray, np.ndarray]:
    return nested_subset(GROUPS, size=size, validation=validation, seed=0)


@pytest.mark.parametrize("validation", [0.2, 5])
def test_larger_subsets_hold_smaller_ones(validation: float | int) -> None:
    before: tuple[set[int], set[int]] = (set(), set())
    for size in range(2, 24):
        train, val = subset(size, validation)
        assert not owners(train) & owners(val)
        assert len(owners(train)) + len(owners(val)) == size
        # Whole groups.
        assert len(train) + len(val) == 3 * size
        assert before[0] <= owners(train) and before[1] <= owners(val)
        share = validation if validation < 1 else validation / 23
        assert len(owners(val)) == int(np.ceil(share * size - 1e-9))
        before = owners(train), owners(val)
    assert not np.array_equal(subset(6)[0], nested_subset(GROUPS, size=6, validation=0.2, seed=1)[0])


def test_impossible_subsets() -> None:
    with pytest.raises(ConfigurationError, match=r"data\.train_groups is 24, but there are only 23 groups"):
        subset(24)
    with pytest.raises(ConfigurationError, match=r"data\.train_groups is 2, of which 2 would be for val"):
        subset(2, 0.9)
