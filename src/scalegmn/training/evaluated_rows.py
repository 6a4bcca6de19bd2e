"""One row for every network of an evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from scalegmn.populations.store import Population
from scalegmn.tasks.classification import Classification
from scalegmn.tasks.regression import Regression
from scalegmn.tasks.task import Task
from scalegmn.tasks.trojan_detection import TrojanDetection
from scalegmn.training.answering import fault_of


def evaluated_rows(
    task: Task, population: Population, rows: np.ndarray, outputs: Tensor
) -> list[dict[str, Any]]:
    """Number, truth and answer of every network; nothing for tasks that write networks.

    Args:
        task: says what the answers mean.
        population: of the networks.
        rows: their numbers, ``(n,)``.
        outputs: answers, ``(n, ...)``.
    """
    if not isinstance(task, Classification | Regression | TrojanDetection):
        return []
    truth = population.column(task.label)[rows].tolist()
    finite = outputs.isfinite().flatten(1).all(dim=1).tolist()
    found = []
    for number, true, answer, good in zip(rows.tolist(), truth, task.describe(outputs), finite, strict=True):
        fault = fault_of(answer, finite=good)
        row = {"id": number, "file": str(population.folder), "true": true}
        found.append({**row, **(answer if fault is None else {"error": fault})})
    return found
