"""``results.json`` and the confusion matrix of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from scalegmn.training._files import write_array, write_json
from scalegmn.training._history import Row
from scalegmn.training._run_folder import RESULTS
from scalegmn.training._task import AnyTask, Report


@final
@dataclass(frozen=True, kw_only=True)
class PredictionCosts:
    """What a prediction of the best model takes, per test network; None where none were tested.

    Attributes:
        seconds: on this machine.
        operations: multiplications and additions, see
            :func:`~scalegmn.training._operations.operations_per_network`.
    """

    seconds: float | None = None
    operations: float | None = None


def write_results(
    folder: Path,
    report: Report | None,
    rows: Sequence[Row],
    *,
    task: AnyTask,
    networks: int,
    parameters: int,
    costs: PredictionCosts,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what a training came to, and return it.

    Args:
        folder: the run folder.
        report: of the best model on the test networks.
        rows: one per epoch.
        task: names the metric that chose the best epoch.
        networks: training networks per epoch.
        parameters: of the model.
        costs: of a prediction of the best model.
        more: further entries.
    """
    monitor = task.monitor
    best = (max if task.larger_is_better else min)(rows, key=lambda row: row[f"val/{monitor}"])
    # The first epoch of several warms up caches and kernels.
    timed = rows[1:] or rows
    seconds = float(np.mean([row["seconds"] for row in timed]))
    training = float(np.mean([row["train_seconds"] for row in timed]))
    results: dict[str, Any] = {
        "test": report.summary if report is not None else None,
        "best_epoch": best["epoch"],
        f"val_{monitor}": best[f"val/{monitor}"],
        "epochs": len(rows),
        "parameters": parameters,
        "seconds_per_epoch": seconds,
        "train_networks_per_second": networks / training,
        "test_seconds_per_network": costs.seconds,
        "test_flop_per_network": costs.operations,
        "seconds": sum(row["seconds"] for row in rows),
        **(more or {}),
    }
    write_json(folder / RESULTS, results)
    if report is not None:
        write_arrays(folder, report)
    return results


def write_arrays(folder: Path, report: Report, *, prefix: str = "") -> None:
    """Write the arrays of a report as ``<prefix><name>.npy``."""
    for name, array in report.arrays.items():
        write_array(folder / f"{prefix}{name}.npy", array)
