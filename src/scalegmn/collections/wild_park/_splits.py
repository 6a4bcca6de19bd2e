"""The splits file of the CNN Wild Park, which also says accuracies: ``cnn_park_splits.json``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scalegmn.collections import SPLITS, path_end, read_split_entries
from scalegmn.errors import PopulationError

COMPONENTS: Final = 3
"""A checkpoint is named by the last components of its path: run, folder of the checkpoint, and file."""


@dataclass(frozen=True)
class Score:
    """What the splits file says about a checkpoint."""

    split: str
    accuracy: float
    step: int


def read_scores(path: Path) -> dict[str, Score]:
    """Read the splits file, ``{split: {"path": [...], "score": [...], "step": [...]}}``.

    Returns:
        What it says about each checkpoint, by ``{run}/checkpoint_{number}/checkpoint.pt``.

    Raises:
        PopulationError: it is missing or damaged, names a checkpoint twice, puts checkpoints of one run into
            two splits, or says something that is no accuracy or no step.
    """
    advice = "copy the one that was published with the networks, or give its place with the option splits"
    data = read_split_entries(path, advice=advice)
    scores: dict[str, Score] = {}
    split_of_run: dict[str, str] = {}
    for split in SPLITS:
        for name, score, step in _lines(data[split], f"{path}, split {split!r}"):
            end = path_end(name, components=COMPONENTS)
            if end in scores:
                raise PopulationError(f"{path}: {end!r} is named twice; {advice}")
            run = end.partition("/")[0]
            if split_of_run.setdefault(run, split) != split:
                raise PopulationError(
                    f"{path}: the run {run!r} has checkpoints in {split_of_run[run]!r} and in {split!r}, so "
                    "a test would be on networks that training has seen. Put each run into one split"
                )
            scores[end] = Score(split, float(score), step)
    return scores


def _lines(data: object, where: str) -> Iterator[tuple[str, float, int]]:
    """Path, accuracy and step of each checkpoint of one split."""
    columns = [data.get(name) for name in ("path", "score", "step")] if isinstance(data, dict) else [None]
    if not all(isinstance(column, list) for column in columns):
        raise PopulationError(
            f'{where}: expected {{"path": [...], "score": [...], "step": [...]}}, found {str(data)[:80]}'
        )
    lengths = [len(column) for column in columns]  # type: ignore[arg-type]
    if len(set(lengths)) != 1:
        raise PopulationError(f"{where}: path, score and step have {lengths} entries, expected equally many")
    for name, score, step in zip(*columns, strict=True):
        if not isinstance(name, str) or name.count("/") + name.count("\\") < COMPONENTS - 1:
            raise PopulationError(
                f"{where}: the path {name!r} does not end in run/checkpoint_.../checkpoint.pt"
            )
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or not 0 <= score <= 1:
            raise PopulationError(f"{where}: {name!r} has the score {score!r}, expected an accuracy, 0 to 1")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise PopulationError(f"{where}: {name!r} has the step {step!r}, expected a whole number")
        yield name, score, step
