"""Figures about all networks of a population, each predicted by a model that did not learn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import read_json
from scalegmn.training._binned import CURVE, Bins, binned_reports
from scalegmn.training._breakdown import report_in_parts
from scalegmn.training._config import DataConfig
from scalegmn.training._evaluated_rows import evaluated_rows
from scalegmn.training._parsing import parse_plain
from scalegmn.training._run_folder import OUTPUTS, RESULTS, RUN
from scalegmn.training._selection import DataSelection, groups_among, select
from scalegmn.training._task import AnyTask, Report
from scalegmn.training._task_kinds import PredictionTask
from scalegmn.training._tasks import load_task

MEAN_OF_FOLDS = "mean_of_folds"
"""End of the names of figures that are means over the test parts of folds."""


@final
@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What several training runs say together, each about its own test networks.

    Attributes:
        task: of the first training, in whose unit all outputs are.
        report: about all networks at once; its summary also has ``by_fold``, the figures of every training
            by itself, and their means as ``<figure>_mean_of_folds``.
        rows: one for every network, with the number of its fold.
    """

    task: AnyTask
    report: Report
    rows: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class _Part:
    """One of the training runs, and its test networks."""

    folder: Path
    task: PredictionTask[Any]
    data: DataConfig
    selection: DataSelection
    outputs: Tensor
    test: Mapping[str, Any]


def out_of_fold(folders: Sequence[Path], *, curves: Sequence[str] = ()) -> OutOfFold:
    """Join the predictions of the training runs of all folds, and evaluate them as those of one model.

    Args:
        folders: the run folders, in the order of folds.
        curves: columns of numbers; figures are also given for the bins of each, as ``curve_<column>``.

    Raises:
        ConfigurationError: a run folder is damaged, or its outputs cannot be joined to the others'.
        PopulationError: the networks are no longer there, or a prediction is not finite.
    """
    parts = [_read(folder) for folder in folders]
    first = parts[0]
    task, population = first.task, first.selection.test_population
    outputs = torch.cat(
        [task.shared_outputs(part.outputs, of=part.task, folder=part.folder).double() for part in parts]
    )
    rows = np.concatenate([part.selection.test for part in parts])
    order = np.argsort(rows, kind="stable")
    rows, outputs = rows[order], outputs[torch.from_numpy(order)]
    if (np.diff(rows) == 0).any():
        raise ConfigurationError(
            f"{', '.join(str(folder) for folder in folders)}: tested on the same networks; expected the "
            "training runs of different folds"
        )
    targets = task.targets(population, rows)
    groups = groups_among(population, rows, first.data)
    about: dict[str, Any] = {"population": population, "rows": rows, "groups": groups}
    report = report_in_parts(task, outputs, targets, **about)
    summary = {**report.summary, **_by_fold(task, [part.test for part in parts])}
    for column in curves:
        found = binned_reports(task, outputs, targets, bins=Bins(column=column), **about)
        summary[f"{CURVE}_{column}"] = found.entries
    fold_of = np.repeat(np.arange(len(parts)), [len(part.selection.test) for part in parts])[order].tolist()
    described = evaluated_rows(task, population, rows, outputs)
    numbered = [{**row, "fold": fold} for row, fold in zip(described, fold_of, strict=True)]
    return OutOfFold(task, Report(summary, report.tables, report.arrays), numbered)


def _read(folder: Path) -> _Part:
    facts = read_json(folder / RUN, what="description of a run")
    task = load_task(facts.get("task", {}))
    if not isinstance(task, PredictionTask):
        raise ConfigurationError(
            f"{folder}: its task {task.name} writes networks; figures out of fold are those of predictions"
        )
    data = parse_plain(DataConfig, facts.get("data", {}), origin=str(folder / RUN))
    selection = select(data)
    test = read_json(folder / RESULTS, what="results of a run", constants=True).get("test")
    if not isinstance(test, dict):
        raise ConfigurationError(f"{folder / RESULTS}: has no figures on test networks; train again")
    outputs = _outputs(folder / f"{OUTPUTS}.npy", count=len(selection.test))
    return _Part(folder, task, data, selection, outputs, test)


def _outputs(path: Path, *, count: int) -> Tensor:
    """What the model of a training returned about its test networks."""
    try:
        outputs = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}); restore it or train again") from error
    if outputs.dtype.kind != "f" or outputs.ndim != 2 or len(outputs) != count:
        raise ConfigurationError(
            f"{path}: holds {outputs.dtype} of shape {outputs.shape}, expected numbers of shape ({count}, "
            "outputs); restore it or train again"
        )
    return torch.from_numpy(outputs)


def _by_fold(task: AnyTask, tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"by_fold": {"networks": [test.get("networks") for test in tests]}}
    for name in task.headline or (task.monitor,):
        values = [test.get(name) for test in tests]
        known = [value for value in values if value is not None]
        found["by_fold"][name] = values
        found[f"{name}_{MEAN_OF_FOLDS}"] = float(np.mean(known)) if known else None
    return found
