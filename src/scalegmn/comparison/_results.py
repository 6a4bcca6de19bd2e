"""Results of a comparison: metrics of every model over seeds, and differences from one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scalegmn.comparison._config import ComparedRun, ComparisonConfig
from scalegmn.comparison._differences import PairedDifference, differences_of
from scalegmn.comparison._finished import ModelResult, RunResult, read_run, untrained_of
from scalegmn.comparison._status import RunStatus, status_of
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import read_json
from scalegmn.training import RUN, AnyTask, DataConfig, load_task


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
    """

    task: AnyTask
    data: DataConfig
    networks: int
    metrics: tuple[str, ...]
    seeds: tuple[int, ...]
    models: tuple[ModelResult, ...]
    reference: str
    differences: Mapping[str, PairedDifference]


def collect(config: ComparisonConfig) -> Comparison | None:
    """Read what is finished; None where nothing is.

    Raises:
        ConfigurationError: a run folder is damaged.
    """
    found: dict[str, list[RunResult]] = {model.name: [] for model in config.models}
    for run in config.runs:
        if _is_finished(run, wanted=run.model in config.only):
            found[run.model].append(read_run(run))
    runs = [run for results in found.values() for run in results]
    if not runs:
        return None
    task = load_task(read_json(runs[0].folder / RUN, what="description of a run")["task"])
    metrics = task.headline or (task.monitor,)
    models = [ModelResult(name, tuple(results)) for name, results in found.items()]
    models += [row for entry in task.untrained if (row := untrained_of(models, entry)) is not None]
    data = config.models[0].config.data
    return Comparison(
        task=task,
        data=data,
        networks=int(runs[0].test["networks"]),
        metrics=metrics,
        seeds=config.seeds,
        models=tuple(sorted(models, key=lambda model: _rank(model, metrics[0], task.larger_is_better))),
        reference=config.reference,
        differences=differences_of(models, reference=config.reference, metric=metrics[0], data=data),
    )


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
