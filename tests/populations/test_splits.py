"""Splits: nothing in two of them, groups stay together, and the same seed gives the same."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import (
    NAMES,
    Population,
    PopulationWriter,
    Splits,
    mnist_splits,
    split_by_column,
    split_by_group,
)

SMALL = siren(widths=(2, 3, 1))


def everything(splits: Splits) -> list[int]:
    return sorted(np.concatenate([splits[name] for name in NAMES]).tolist())


# The value


def test_splits_survive_writing(tmp_path: Path) -> None:
    splits = Splits(train=np.array([5, 1]), val=np.array([]), test=np.array([0, 7], np.uint8))
    splits.write(tmp_path / "splits.json")
    again = Splits.read(tmp_path / "splits.json")
    assert [again[name].tolist() for name in NAMES] == [[5, 1], [], [0, 7]]
    assert {again[name].dtype for name in NAMES} == {np.dtype(np.int64)}
    assert (again.describe(), len(again)) == ("train 2, val 0, test 2", 4)
    with pytest.raises(KeyError, match="no split 'validation'"):
        again["validation"]


@pytest.mark.parametrize(
    ("train", "val", "test", "message"),
    [
        ([0, 1], [2], [1], "1 networks occur more than once.*first network 1 in train and test"),
        ([0, 3, 3], [], [], "network 3 in train;"),
        ([0, -1], [], [], "split 'train' .*expected a list of integers from 0"),
        ([0], [[1]], [], r"split 'val' has shape \(1, 1\)"),
        ([0], [1], [0.5], "split 'test' .*type float64"),
        ([0], [1], ["a"], "split 'test'"),
    ],
)
def test_impossible_splits(train: list, val: list, test: list, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        Splits(train=np.array(train), val=np.array(val), test=np.array(test))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as a splits file"),
        ("[]", "holds list, expected"),
        ('{"train": [], "test": []}', r"holds \['test', 'train'\], expected"),
        ('{"train": [0], "val": [0], "test": []}', r"splits\.json: 1 networks occur more than once"),
        ('{"train": ["a.pth"], "val": [], "test": []}', r"splits\.json: split 'train'"),
        ('{"train": [[1], [2, 3]], "val": [], "test": []}', r"splits\.json: "),
    ],
)
def test_damaged_splits_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(PopulationError, match=message):
        Splits.read(tmp_path / "splits.json")
    with pytest.raises(PopulationError, match="cannot be read"):
        Splits.read(tmp_path / "missing.json")


# By group


@given(
    groups=st.lists(st.integers(0, 12), min_size=1, max_size=80),
    fractions=st.sampled_from(
        [
            (0.8, 0.1, 0.1),
            (0.1, 0.1, 0.8),
            (0.5, 0.5, 0.0),
            (0.0, 0.0, 1.0),
            (1.0, 0.0, 0.0),
            (0.7, 0.0, 0.3),
            (0.0, 0.9, 0.1),
        ]
    ),
    seed=st.integers(0, 5),
)
def test_groups_stay_together(groups: list[int], fractions: tuple[float, float, float], seed: int) -> None:
    wanted = [fraction > 0 for fraction in fractions]
    if len(set(groups)) < sum(wanted):
        with pytest.raises(ConfigurationError, match="groups cannot fill"):
            split_by_group(groups, fractions=fractions, seed=seed)
        return
    splits = split_by_group(groups, fractions=fractions, seed=seed)
    assert everything(splits) == list(range(len(groups)))
    owners = [{groups[i] for i in splits[name]} for name in NAMES]
    assert sum(map(len, owners)) == len(set(groups))
    assert [bool(owner) for owner in owners] == wanted


def test_shares_are_kept() -> None:
    splits = split_by_group(np.repeat(np.arange(1000), 3), seed=0)
    assert splits.describe() == "train 2400, val 300, test 300"
    # Large groups next to small ones: networks count, not groups.
    groups = np.repeat(np.arange(200), [50, 1] * 100)
    assert abs(len(split_by_group(groups, fractions=(0.5, 0.25, 0.25), seed=0).train) - 2550) <= 25


def test_groups_are_shuffled_by_the_seed() -> None:
    names = [f"image {i}" for i in range(50)]
    first, again, other = (split_by_group(names, seed=seed).test.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first != list(range(45, 50))


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (0.8, 0.1, 0.0)])
def test_impossible_fractions(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigurationError, match="none negative, that add up to 1"):
        split_by_group(range(100), fractions=fractions, seed=0)


def test_groups_of_wrong_shape() -> None:
    with pytest.raises(ConfigurationError, match=r"shape \(2, 2\), expected one value per network"):
        split_by_group(np.zeros((2, 2)), seed=0)


# By column


def population(folder: Path, split: list[str]) -> Population:
    with PopulationWriter(folder, provenance={}) as writer:
        columns = {"split": split, "image": np.arange(len(split)) // 2}
        writer.append(SMALL, torch.zeros(len(split), SMALL.num_parameters), columns)
        writer.finish()
    return Population.open(folder)


def test_column_with_all_splits(tmp_path: Path) -> None:
    networks = population(tmp_path / "p", ["train", "test", "val", "train"])
    splits = split_by_column(networks)
    assert [splits[name].tolist() for name in NAMES] == [[0, 3], [2], [1]]
    with pytest.raises(ConfigurationError, match="has 1 validation networks already"):
        split_by_column(networks, validation=1)


@pytest.mark.parametrize("validation", [0.25, 10])
def test_validation_is_taken_from_training_by_groups(tmp_path: Path, validation: float | int) -> None:
    networks = population(tmp_path / "p", ["train"] * 80 + ["test"] * 10)
    assert split_by_column(networks).describe() == "train 80, val 0, test 10"
    splits = split_by_column(networks, validation=validation, group="image", seed=1)
    assert splits.describe() == "train 60, val 20, test 10"
    assert everything(splits) == list(range(90))
    assert splits.test.tolist() == list(range(80, 90))
    assert not set(splits.val // 2) & set(splits.train // 2)
    same, other = (split_by_column(networks, validation=10, group="image", seed=seed) for seed in (1, 2))
    assert same.val.tolist() == splits.val.tolist() != other.val.tolist()
    ungrouped = split_by_column(networks, validation=20)
    assert ungrouped.describe() == "train 60, val 20, test 10"


@pytest.mark.parametrize("validation", [1.0, 40, -1, 0.001])
def test_impossible_validation(tmp_path: Path, validation: float | int) -> None:
    networks = population(tmp_path / "p", ["train"] * 80)
    with pytest.raises(ConfigurationError, match=f"validation={validation} of 40 groups"):
        split_by_column(networks, validation=validation, group="image")


def test_column_with_other_values(tmp_path: Path) -> None:
    networks = population(tmp_path / "p", ["train", "validation", "dev"])
    with pytest.raises(PopulationError, match=r"holds \['dev', 'validation'\], expected train, val, test"):
        split_by_column(networks)
    with pytest.raises(PopulationError, match="no column 'fold'"):
        split_by_column(networks, column="fold")


def test_splits_of_another_population(tmp_path: Path) -> None:
    networks = population(tmp_path / "p", ["train"] * 4)
    Splits(train=np.array([0, 3]), val=np.array([]), test=np.array([1])).check(networks)
    with pytest.raises(PopulationError, match=r"name network 4, but .* holds 4 networks"):
        Splits(train=np.array([0]), val=np.array([4]), test=np.array([])).check(networks)


# The published MNIST-INRs


def mnist_path(split: str, label: int, index: int) -> str:
    return f"mnist-inrs/mnist_png_{split}_{label}_{index}/checkpoints/model_final.pth"


TRAINING = [mnist_path("training", index % 10, index) for index in range(60)]
TESTING = [mnist_path("testing", index * 3 % 10, index) for index in range(20)]


def test_mnist_splits() -> None:
    splits = mnist_splits(TESTING[::-1] + TRAINING[::-1], validation=10, seed=0)
    assert list(splits) == ["train", "val", "test"]
    assert [len(splits[name]["path"]) for name in NAMES] == [50, 10, 20]
    assert splits["test"] == {"path": TESTING, "label": [str(i * 3 % 10) for i in range(20)]}
    assert sorted(splits["train"]["path"] + splits["val"]["path"]) == sorted(TRAINING)
    for name in NAMES:
        assert splits[name]["label"] == [path.split("_")[3] for path in splits[name]["path"]]


def test_mnist_splits_depend_on_the_seed_and_not_on_the_order() -> None:
    first = mnist_splits(TRAINING + TESTING, validation=10, seed=0)
    assert first == mnist_splits(reversed(TRAINING + TESTING), validation=10, seed=0)
    assert first != mnist_splits(TRAINING + TESTING, validation=10, seed=1)
    assert not mnist_splits(TRAINING, validation=0, seed=0)["val"]["path"]


@pytest.mark.slow
def test_mnist_splits_of_the_published_size() -> None:
    paths = [mnist_path("training", 5, i) for i in range(60_000)]
    paths += [mnist_path("testing", 5, i) for i in range(10_000)]
    splits = mnist_splits(paths, seed=0)
    assert [len(splits[name]["path"]) for name in NAMES] == [55_000, 5_000, 10_000]


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        (
            [*TRAINING, "mnist-inrs/other/model.pth"],
            PopulationError,
            "other/model.pth' is no check",
        ),
        ([mnist_path("validation", 1, 2)], PopulationError, r"expected 'mnist_png_\{training\|testing\}"),
        (["mnist_png_training_x_1/model_final.pth"], PopulationError, "is no checkpoint"),
        ([*TRAINING, "copy/" + TRAINING[7]], PopulationError, "are the same network; give each once"),
        (TRAINING[:10], ConfigurationError, "validation=10 of 10 groups"),
        (TESTING, ConfigurationError, "validation=10 of 0 groups"),
    ],
)
def test_bad_paths(paths: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mnist_splits(paths, validation=10, seed=0)
