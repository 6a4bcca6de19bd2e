from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from scalegmn.collections.small_cnn_zoo._splits import (
    clean_splits,
    doubled_row,
    published_splits,
    read_order,
    split_file,
)
from scalegmn.errors import PopulationError

RUNS, STEPS = 23, (0, 20, 86)
ROWS = RUNS * len(STEPS)
RUN = np.repeat(np.arange(RUNS), len(STEPS))
EPOCH = np.tile(STEPS, RUNS)
FINAL = EPOCH == 86


def write(folder: Path, lines: list[object]) -> Path:
    path = folder / "cifar10_split.csv"
    path.write_text("\n".join(map(str, lines)) + "\n")
    return path


def published(lines: list[int], step: np.ndarray) -> dict[str, list[int]]:
    """The rule as the published experiments have it, on the lines of the file, header included."""
    final = [row for row in lines if step[row]]
    half = int(0.5 * len(final))
    first = list(range(half))
    random.Random(0).shuffle(first)
    cut = int(0.8 * half)
    return {
        "train": [final[i] for i in first[:cut]],
        "val": [final[i] for i in first[cut:]],
        "test": final[half:],
    }


def as_lists(rows: np.ndarray, words: np.ndarray) -> dict[str, list[int]]:
    return {word: rows[words == word].tolist() for word in ("train", "val", "test")}


def in_order(splits: dict[str, list[int]]) -> dict[str, list[int]]:
    return {name: sorted(rows) for name, rows in splits.items()}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("step", [FINAL, EPOCH == 0, np.full(ROWS, True)], ids=["last", "first", "all"])
def test_published_rule(tmp_path: Path, seed: int, step: np.ndarray) -> None:
    order = np.random.default_rng(seed).permutation(ROWS).tolist()
    found, header = read_order(write(tmp_path, [0, *order]), rows=ROWS)
    assert header and found.tolist() == order
    rows, words = published_splits(found, header=header, wanted=step)
    assert as_lists(rows, words) == in_order(published([0, *order], step))
    # Row 0 has step 0: the header counts exactly where that step is read.
    twice = doubled_row(rows, words)
    assert len(rows) == step.sum() + step[0] and len(twice) == 2 * step[0]


def test_doubled_row_can_be_in_two_splits() -> None:
    order = np.arange(ROWS)[::-1].copy()
    rows, words = published_splits(order, header=True, wanted=np.full(ROWS, True))
    assert rows[:3].tolist() == [0, 0, 1]
    # Its own place is the last of the list; that of the header is the first.
    assert doubled_row(rows, words)[1] == "test" != doubled_row(rows, words)[0]


@pytest.mark.parametrize("seed", range(5))
def test_clean_rule(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(ROWS)
    by_step = {}
    for name, wanted in (("last", FINAL), ("first", EPOCH == 0), ("all", np.full(ROWS, True))):
        rows, words = clean_splits(order, wanted=wanted, run=RUN, epoch=EPOCH)
        assert rows.tolist() == np.flatnonzero(wanted).tolist()
        by_step[name] = as_lists(rows, words)
    # The last checkpoints are split as the published rule deals them without the header.
    assert by_step["last"] == in_order(published(order.tolist(), FINAL))
    # The splits of a run are the same whatever is read, so that it is never in two.
    runs = [{word: set(RUN[rows].tolist()) for word, rows in splits.items()} for splits in by_step.values()]
    assert runs[0] == runs[1] == runs[2]
    assert not runs[0]["train"] & runs[0]["test"] and not runs[0]["train"] & runs[0]["val"]
    assert {word: len(found) for word, found in runs[0].items()} == {"train": 8, "val": 3, "test": 12}


def test_headers(tmp_path: Path) -> None:
    for lines, header in (([0, 2, 0, 1], True), ([0, 0, 1, 2], True), ([0, 2, 1], False), ([2, 0, 1], False)):
        order, found = read_order(write(tmp_path, list(lines)), rows=3)
        assert found == header and sorted(order.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([0, 1, 0, 3], "names rows 0 to 3, but the zoo has 3"),
        ([0, -1, 0], "names rows -1 to 0"),
        ([0, 1, 0, 1, 2], "names 1 rows more than once, first row 1"),
        ([0, 0, 0, 1], "first row 0"),
        (["index", 0, 1], "cannot be read as a list of rows"),
        ([0, 1.5], "cannot be read as a list of rows"),
        ([10**30], "cannot be read as a list of rows"),
        ([""], "names no rows"),
    ],
)
def test_damaged_split_files(tmp_path: Path, lines: list[object], message: str) -> None:
    with pytest.raises(PopulationError, match=message) as error:
        read_order(write(tmp_path, lines), rows=3)
    assert "cifar10_split.csv" in str(error.value)


def test_which_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"has no split file .*--split-rule none"):
        split_file(tmp_path, None)
    path = write(tmp_path, [0, 0])
    assert split_file(tmp_path, None) == path
    (tmp_path / "svhn_split.csv").write_text("0\n")
    with pytest.raises(PopulationError, match=r"\['cifar10_split.csv', 'svhn_split.csv'\]; name the file"):
        split_file(tmp_path, None)
    assert split_file(tmp_path, path) == path
    with pytest.raises(PopulationError, match="cannot be read as a list of rows"):
        read_order(tmp_path / "nowhere_split.csv", rows=3)
