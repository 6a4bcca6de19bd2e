"""Results of a comparison: metrics of every model over seeds, and differences from one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scalegmn.comparison._config import ComparedRun, ComparisonConfig
from scalegmn.comparison._differences import PairedDifference, differences_of
from scalegmn.comparison._finished import ModelResult, RunResult, read_result, untrained_of
from scalegmn.comparison._joining import by_folds, is_joined
from scalegmn.comparison._status import RunStatus, status_of
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import read_json
from scalegmn.training import MEAN_OF_FOLDS, RUN, AnyTask, DataConfig, load_task


@dataclass(frozen=True)
class Comparison:
    """The outcome.

    Attributes:
        task: what was learned.
        data: which networks.
        networks: how many test networks.
        metrics: the figures to show; the first gives the order.
        seeds: of the training runs.
        models: the best first; those without a finished training last. What needs no training is among them.
        reference: name of the model from which differences are given.
        differences: by the name of the model; there is none for the reference.
        folds: parts of the networks that were predicted by models that had not seen them; None for one test.
    """

    task: AnyTask
    data: DataConfig
    networks: int
    metrics: tuple[str, ...]
    seeds: tuple[int, ...]
    models: tuple[ModelResult, ...]
    reference: str
    differences: Mapping[str, PairedDifference]
    folds: int | None = None


def collect(config: ComparisonConfig) -> Comparison | None:
    """Read what is finished, of a comparison with one size or none; None where nothing is.

    Raises:
        ConfigurationError: a run folder is damaged.
    """
    assert not config.sizes, "every size is a comparison of its own"
    found: dict[str, list[RunResult]] = {model.name: [] for model in config.models}
    folders = []
    for run, folder in _finished(config):
        found[run.model].append(read_result(folder, seed=run.seed))
        folders.append(run.folder)
    runs = [run for results in found.values() for run in results]
    if not runs:
        return None
    task = load_task(read_json(folders[0] / RUN, what="description of a run")["task"])
    metrics = task.headline or (task.monitor,)
    if config.folds is not None:
        metrics = (*metrics, f"{metrics[0]}_{MEAN_OF_FOLDS}")
    models = [ModelResult(name, tuple(results)) for name, results in found.items()]
    models += [row for entry in task.untrained if (row := untrained_of(models, entry)) is not None]
    data = config.data if config.folds is None else dataclasses.replace(config.data, folds=config.folds)
    return Comparison(
        task=task,
        data=data,
        networks=int(runs[0].test["networks"]),
        metrics=metrics,
        seeds=config.seeds,
        models=tuple(sorted(models, key=lambda model: _rank(model, metrics[0], task.larger_is_better))),
        reference=config.reference,
        differences=differences_of(models, reference=config.reference, metric=metrics[0], data=data),
        folds=config.folds,
    )


def _finished(config: ComparisonConfig) -> Iterator[tuple[ComparedRun, Path]]:
    """Training runs and the folders of their results; of all folds together the first one."""
    folded = by_folds(config.runs)
    for run in config.runs:
        wanted = run.model in config.only
        if run.joined is None and _is_finished(run, wanted=wanted):
            yield run, run.folder
    for folder, runs in folded.items():
        wanted = runs[0].model in config.only
        if all(_is_finished(run, wanted=wanted) for run in runs) and _is_joined(folder, runs, config.curves):
            yield runs[0], folder


def _is_joined(folder: Path, runs: Sequence[ComparedRun], curves: Sequence[str]) -> bool:
    try:
        return is_joined(folder, runs, curves=curves)
    except ScaleGMNError:
        # Whatever is in the way was reported when the folds were to be joined.
        return False


def _is_finished(run: ComparedRun, *, wanted: bool) -> bool:
    try:
        return status_of(run) is RunStatus.finished
    except ScaleGMNError:
        # What was not asked for may be in the way of nothing; the rest was checked before.
        if wanted:
            raise
        return False


def _rank(model: ModelResult, metric: str, larger_is_better: bool) -> tuple[bool, bool, float]:
    mean = model.mean(metric)
    if mean is None:
        return True, not model.runs, 0.0
    return False, False, -mean if larger_is_better else mean
