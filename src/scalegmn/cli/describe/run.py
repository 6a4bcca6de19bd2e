"""The folder of a training."""

from __future__ import annotations

from pathlib import Path

from scalegmn.cli.describe.statistics import facts_table, flat
from scalegmn.networks import read_json
from scalegmn.reports import ResultTable, read_metrics
from scalegmn.training import CONFIG, METRICS, MODEL, RESULTS, RUN, read_yaml


def describe_run(folder: Path) -> list[ResultTable]:
    """State, configuration, last figures and results.

    Raises:
        ConfigurationError: a file of the folder is damaged.
    """
    facts = read_json(folder / RUN, what="description of a run")
    finished = (folder / MODEL).is_dir()
    state = "finished" if finished else "did not come to its end; run the same command with --resume"
    shown = {"state": state, **{name: value for name, value in flat(facts).items() if _is_short(value)}}
    tables = [facts_table(f"Run {folder}", shown)]
    if (folder / CONFIG).is_file():
        tables.append(facts_table("Configuration", flat(read_yaml(folder / CONFIG))))
    if (folder / METRICS).is_file():
        tables.append(_curve(folder / METRICS))
    if (folder / RESULTS).is_file():
        results = flat(read_json(folder / RESULTS, what="results of a run", constants=True))
        tables.append(facts_table("Results", {k: _rounded(v) for k, v in results.items() if _is_short(v)}))
    return tables


def _curve(path: Path) -> ResultTable:
    """First, best and last value of every metric."""
    metrics = read_metrics(path)
    rows = []
    for name in metrics.values:
        epochs, values = metrics.series(name)
        rows.append(
            (
                name,
                *(f"{v:.4g}" for v in (values[0], min(values), max(values), values[-1])),
                str(epochs[-1] + 1),
            )
        )
    return ResultTable(("metric", "first", "smallest", "largest", "last", "epochs"), tuple(rows), "Metrics")


def _is_short(value: object) -> bool:
    """Matrices and lists of architectures are for the files."""
    return not isinstance(value, list) or not any(isinstance(entry, list | dict) for entry in value)


def _rounded(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(str(_rounded(entry)) for entry in value)
    return f"{value:.4g}" if isinstance(value, float) else value
