"""Training runs of all folds as one: their predictions together, in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scalegmn.comparison._config import ComparedRun
from scalegmn.comparison._finished import mean_of
from scalegmn.comparison._status import RunStatus, status_of
from scalegmn.disk import file_sha256, holds_something
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import read_json
from scalegmn.training import OUTPUTS, RESULTS, out_of_fold, write_arrays, write_json, write_rows

FOLDS: Final = "folds.json"
"""In a folder of joined predictions: which training runs they are of."""
NETWORKS: Final = "networks.csv"
"""There: a row for every network, with the prediction of the model that did not see it."""

_COSTS: Final = (
    "parameters",
    "seconds",
    "train_networks_per_second",
    "test_seconds_per_network",
    "test_flop_per_network",
)


def by_folds(runs: Sequence[ComparedRun]) -> dict[Path, list[ComparedRun]]:
    """The training runs of each folder of joined predictions, in the order of folds; without folds, none."""
    found: dict[Path, list[ComparedRun]] = {}
    for run in runs:
        if run.joined is not None:
            found.setdefault(run.joined, []).append(run)
    return found


def join_folds(
    runs: Sequence[ComparedRun], *, curves: Sequence[str]
) -> Iterator[tuple[ComparedRun, str | None]]:
    """Join the predictions of training runs whose folds are all finished, unless they are joined already.

    Args:
        runs: the training runs.
        curves: columns over whose bins figures are also given.

    Yields:
        Of everything that was to be joined the first training run, and what went wrong.

    Raises:
        DiskError: a folder cannot be written to.
    """
    for folder, folds in by_folds(runs).items():
        try:
            finished = all(status_of(run) is RunStatus.finished for run in folds)
            if finished and not is_joined(folder, folds, curves=curves):
                _join(folder, folds, curves)
                yield folds[0], None
        except (ConfigurationError, PopulationError) as error:
            yield folds[0], str(error)


def is_joined(folder: Path, folds: Sequence[ComparedRun], *, curves: Sequence[str]) -> bool:
    """Whether a folder holds the joined predictions of just these training runs, with these curves.

    Raises:
        ConfigurationError: it holds something else.
    """
    if not (folder / FOLDS).is_file():
        if holds_something(folder):
            raise ConfigurationError(
                f"{folder} is in the way: the predictions of {len(folds)} folds belong there; move it, or "
                "choose another folder with --output"
            )
        return False
    known = read_json(folder / FOLDS, what="description of joined folds")
    return (folder / RESULTS).is_file() and known == _described(folds, curves)


def _described(folds: Sequence[ComparedRun], curves: Sequence[str]) -> dict[str, Any]:
    return {
        "runs": [run.folder.name for run in folds],
        "curves": list(curves),
        "results_sha256": [file_sha256(run.folder / RESULTS) for run in folds],
        "outputs_sha256": [file_sha256(run.folder / f"{OUTPUTS}.npy") for run in folds],
    }


def _join(folder: Path, folds: Sequence[ComparedRun], curves: Sequence[str]) -> None:
    found = out_of_fold([run.folder for run in folds], curves=curves)
    # So that a folder that was begun is known as one of joined predictions.
    write_json(folder / FOLDS, {"runs": []})
    results = [read_json(run.folder / RESULTS, what="results of a run", constants=True) for run in folds]
    costs = {
        name: mean_of([float(one[name]) for one in results if one.get(name) is not None]) for name in _COSTS
    }
    notes = dict.fromkeys(str(note) for one in results for note in one.get("notes", ()))
    for name in found.task.pictures:
        # They show what was joined before.
        (folder / name).unlink(missing_ok=True)
    write_arrays(folder, found.report)
    write_rows(folder / NETWORKS, found.rows)
    write_json(
        folder / RESULTS,
        {"test": found.report.summary, **costs, "folds": len(folds), "notes": list(notes)},
    )
    # Last: what it names is complete.
    write_json(folder / FOLDS, _described(folds, curves))
