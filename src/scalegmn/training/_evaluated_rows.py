"""One row for every network of an evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from scalegmn.graph import Records
from scalegmn.populations import Population
from scalegmn.training._run_predictor import fault_of
from scalegmn.training._task import AnyTask


def evaluated_rows(
    task: AnyTask, population: Population, rows: np.ndarray, outputs: Tensor | Records
) -> list[dict[str, Any]]:
    """Number, truth and prediction of every network; nothing for tasks that write networks.

    Args:
        task: says what the predictions mean.
        population: of the networks.
        rows: their numbers, ``(n,)``.
        outputs: of all n networks.
    """
    if task.label is None:
        return []
    truth = population.column(task.label)[rows].tolist()
    assert isinstance(outputs, Tensor), "tasks with a label have predictions of numbers"
    finite = outputs.isfinite().flatten(1).all(dim=1).tolist()
    found = []
    for number, true, answer, good in zip(rows.tolist(), truth, task.describe(outputs), finite, strict=True):
        fault = fault_of(answer, finite=good)
        row = {"id": number, "file": str(population.folder), "true": true}
        found.append({**row, **(answer if fault is None else {"error": fault})})
    return found
