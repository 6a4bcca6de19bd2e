"""A trained model on networks it was or was not made for."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations.format import ARCHITECTURE_COLUMN
from scalegmn.populations.splits import NAMES
from scalegmn.populations.store import Population
from scalegmn.tasks.task import Report
from scalegmn.training.breakdown import breakdown, report_in_parts
from scalegmn.training.data import Networks
from scalegmn.training.evaluated_rows import evaluated_rows
from scalegmn.training.inference import device_called, outputs_on
from scalegmn.training.run_folder import Run
from scalegmn.training.selection import groups_among, kept_by, rows_for_testing, select

ALL = "all"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report, and on what.

    Attributes:
        report: the figures.
        facts: which networks they are about, fit for JSON.
        rows: one for every network, where the task answers questions about networks.
    """

    report: Report
    facts: dict[str, Any]
    rows: list[dict[str, Any]]


def evaluate(
    run: Run,
    *,
    population: Path | None = None,
    split: str = "test",
    by: str | None = None,
    batch_size: int = 256,
    device: str | None = None,
) -> Evaluation:
    """Judge the model of a run.

    Args:
        run: the training.
        population: other networks; by default those of the training.
        split: ``train``, ``val`` or ``test`` as the training chose them, or ``all``.  Of another population,
            those that its column says; ``test`` takes all where the column names none.
        by: a column; the figures are also given for every one of its values.
        batch_size: networks at a time.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.

    Raises:
        ConfigurationError: no such split, device or column.
        PopulationError: there are no such networks, or their labels are unknown to the model.
        GraphError: the model cannot read such networks.
    """
    if split not in (*NAMES, ALL):
        raise ConfigurationError(f"split {split!r}; expected one of {', '.join((*NAMES, ALL))}")
    chosen, rows = _chosen(run, population, split)
    if not len(rows):
        raise PopulationError(f"{chosen.folder}: has no networks in the split {split!r}")
    networks = Networks(
        population=chosen,
        rows=rows,
        targets=run.task.targets(chosen, rows),
        canonicalize=run.canonicalize,
        memory_limit=0.0,
    )
    for number in np.unique(chosen.column(ARCHITECTURE_COLUMN)[rows]).tolist():
        run.check(chosen.architectures[number])
    model = copy.deepcopy(run.model).to(device_called(device))
    outputs, targets = outputs_on(run.task, model, networks, batch_size=batch_size)
    groups = groups_among(chosen, rows, run.data)
    report = report_in_parts(run.task, outputs, targets, population=chosen, rows=rows, groups=groups)
    if by is not None and f"by_{by}" not in report.summary:
        table, parts = breakdown(
            run.task, outputs, targets, population=chosen, rows=rows, by=by, groups=groups
        )
        report = Report({**report.summary, f"by_{by}": parts}, (*report.tables, table), report.arrays)
    facts = {
        "run": str(run.folder),
        "population": str(chosen.folder),
        "checksum": chosen.checksum,
        "split": split,
    }
    return Evaluation(report, facts, evaluated_rows(run.task, chosen, rows, outputs))


def _chosen(run: Run, folder: Path | None, split: str) -> tuple[Population, np.ndarray]:
    if folder is None:
        if split == ALL:
            population = Population.open(run.data.population)
            return population, np.flatnonzero(kept_by(population, run.data.where))
        selection = select(run.data)
        rows = {"train": selection.train, "val": selection.val, "test": selection.test}[split]
        return selection.test_population if split == "test" else selection.population, rows
    population = Population.open(folder)
    if split == ALL:
        return population, np.arange(len(population))
    if split == "test":
        return population, rows_for_testing(population, run.data)
    return population, np.flatnonzero(population.column(run.data.split) == split)
