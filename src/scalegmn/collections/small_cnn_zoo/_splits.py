"""Which networks of the Small CNN Zoo are for training, for validation and for testing.

The published split files (``*_split.csv``, one for each data set) hold a shuffled list of the rows of
``weights.npy``, one per line, under a header line ``0``.  Two rules turn it into splits.

``published``: what the published experiments did.  Their code reads the file without a header, so the
header counts as row 0, and row 0 stands in the list twice: at its very beginning and at its own place.
Rows of other steps are taken out.  The second half of what is left is for testing; the first half is
shuffled by ``random.Random(0)`` and cut 80/20 into training and validation.  If row 0 has the step, it is
in two places, which may be two different splits; otherwise (as with the last step, where a run begins with
step 0) the header changes nothing.

``clean``: the header is a header, and every row stands in the list once.  Whole runs are split by the
same halves, shuffle and cut.  A run stands in the list where its last checkpoint stands; so the splits do
not depend on which steps are read, and those of the last step are the published ones without the doubled
row.

Rows that are refused or left out for their activation are taken out afterwards, as in the published code:
they do not move others to another split.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np

from scalegmn.collections import visible
from scalegmn.errors import PopulationError

SplitRule = Literal["published", "clean"]

_NAMES: Final = ("train", "val", "test")


def split_file(folder: Path, given: Path | None) -> Path:
    """The split file: the one given, or the only one in the folder.

    Raises:
        PopulationError: there is none, or there are several.
    """
    if given is not None:
        return given
    found = [path for path in visible(folder) if path.name.endswith("_split.csv")]
    if len(found) != 1:
        what = f"the split files {[path.name for path in found]}" if found else "no split file (*_split.csv)"
        raise PopulationError(
            f"{folder}: has {what}; name the file (--splits FILE), or read the networks without splits "
            "(--split-rule none)"
        )
    return found[0]


def read_order(path: Path, *, rows: int) -> tuple[np.ndarray, bool]:
    """The list of rows in a split file, ``(n,)`` int64, and whether there is a header line before it.

    Raises:
        PopulationError: the file is missing or damaged, names a row twice, or one that does not exist.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
        numbers = np.array([int(line) for line in lines], np.int64)
    except (OSError, ValueError, OverflowError) as error:
        raise PopulationError(f"{path}: cannot be read as a list of rows, one per line: {error}") from error
    # The header is a 0, too; it is one where the list has a row 0 besides.
    header = bool((numbers[:1] == 0).any() and (numbers[1:] == 0).any())
    order = numbers[1:] if header else numbers
    if not len(order) or order.min() < 0 or order.max() >= rows:
        found = f"rows {order.min()} to {order.max()}" if len(order) else "no rows"
        raise PopulationError(
            f"{path}: names {found}, but the zoo has {rows}, numbered from 0; use the split file of this zoo"
        )
    counts = np.bincount(order)
    if counts.max() > 1:
        raise PopulationError(
            f"{path}: names {(counts > 1).sum()} rows more than once, first row {np.argmax(counts > 1)}; "
            "restore the file"
        )
    return order, header


def published_splits(order: np.ndarray, *, header: bool, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their splits by the published rule; row 0 occurs twice where a header was taken for it.

    Args:
        order: the list of rows, ``(n,)``.
        header: whether there is a header line before it.
        wanted: for every row of the zoo whether it has the step, ``(N,)`` bool.

    Returns:
        The rows in ascending order, ``(m,)`` int64, and the word for each, ``(m,)``.
    """
    listed = np.concatenate([[0], order]) if header else order
    listed = listed[wanted[listed]]
    words = _deal(len(listed))
    sort = np.argsort(listed, kind="stable")
    return listed[sort], words[sort]


def clean_splits(
    order: np.ndarray, *, wanted: np.ndarray, run: np.ndarray, epoch: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their splits by the clean rule: no row twice, no run in two splits.

    Args:
        order: the list of rows, ``(n,)``.
        wanted: for every row of the zoo whether it has the step, ``(N,)`` bool.
        run: its run, ``(N,)``.
        epoch: its step, ``(N,)``.

    Returns:
        The rows in ascending order, ``(m,)`` int64, and the word for each, ``(m,)``.
    """
    # By run and, within a run, by step: the last of each run is its last checkpoint.
    places = np.lexsort((epoch[order], run[order]))
    runs = run[order][places]
    last = np.append(runs[1:] != runs[:-1], True)
    runs_in_order = runs[last][np.argsort(places[last])]
    word_of = dict(zip(runs_in_order.tolist(), _deal(len(runs_in_order)).tolist(), strict=True))
    rows = np.sort(order[wanted[order]])
    return rows, np.array([word_of[number] for number in run[rows].tolist()])


def doubled_row(rows: np.ndarray, words: Sequence[str] | np.ndarray) -> list[str]:
    """The splits that row 0 is in, if it occurs twice; otherwise nothing."""
    if len(rows) < 2 or rows[1] != 0:
        return []
    return [str(words[0]), str(words[1])]


def _deal(count: int) -> np.ndarray:
    """Splits of the places of a list, ``(count,)``."""
    half = count // 2
    shuffled = list(range(half))
    random.Random(0).shuffle(shuffled)
    words = np.full(count, "test", object)
    for number, place in enumerate(shuffled):
        words[place] = "train" if number < int(0.8 * half) else "val"
    return words
