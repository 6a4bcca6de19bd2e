"""A whole training: from a configuration to a run folder."""

from __future__ import annotations

import dataclasses
import shlex
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.callbacks import Callback

from scalegmn.configuration import to_plain
from scalegmn.disk import claim_folder, remove_remains
from scalegmn.errors import ConfigurationError, TrainingWarning
from scalegmn.models import FittedPredictor, Metanetwork
from scalegmn.populations import Population
from scalegmn.seeding import numpy_generator
from scalegmn.training._ancestors import start_weights, with_ancestors
from scalegmn.training._breakdown import report_in_parts
from scalegmn.training._census import check_networks
from scalegmn.training._checkpoint_io import read_checkpoint, restoring
from scalegmn.training._checks import folder_errors
from scalegmn.training._config import Accelerator, RunConfig
from scalegmn.training._data import Datasets, NetworkDataset
from scalegmn.training._files import write_text
from scalegmn.training._finished import FinishedTraining
from scalegmn.training._fitting import fit_at_once, fit_to
from scalegmn.training._history import History
from scalegmn.training._inference import device_called, outputs_on
from scalegmn.training._local_settings import local_settings
from scalegmn.training._machine import machine_errors
from scalegmn.training._metanetworks import make_metanetwork
from scalegmn.training._operations import operations_per_network
from scalegmn.training._own_networks import write_own
from scalegmn.training._processes import is_first_process
from scalegmn.training._reference import write_reference
from scalegmn.training._result_files import PredictionCosts, write_results
from scalegmn.training._run_folder import (
    BEST,
    CHECKPOINTS,
    CONFIG,
    METRICS,
    MODEL,
    OUTPUTS,
    write_run,
)
from scalegmn.training._selection import DataSelection, groups_among, select
from scalegmn.training._stepwise import fit_stepwise
from scalegmn.training._task import AnyTask, Report
from scalegmn.training._tasks import make_task
from scalegmn.training._versions import versions
from scalegmn.training._yaml_files import to_yaml

SCALE_SAMPLE = 1000
"""Training networks from which a model takes the sizes of weights."""


@dataclass(frozen=True, eq=False)
class TrainingOutcome:
    """What :func:`train` did.

    Attributes:
        folder: the run folder.
        task: what was learned.
        report: of the best model on the test networks; None where there are none.
        results: the content of ``results.json``; empty in all processes but the first.
    """

    folder: Path
    task: AnyTask
    report: Report | None
    results: dict[str, Any]


def train(
    config: RunConfig, *, command: list[str] | None = None, callbacks: Sequence[Callback] = ()
) -> TrainingOutcome:
    """Train a metanetwork, save the best model, and test it: ``scalegmn train`` from Python.

    Args:
        config: which networks, what to learn, which model, and where to write; all problems with it are found
            before any work starts.
        command: the command line, to be kept in the run folder.
        callbacks: Lightning's, beside our own; models that do not learn step by step call none.

    Returns:
        The run folder and the figures of the best model on the test networks.

    Raises:
        ScaleGMNError: the configuration does not fit the data, the machine or what the run folder holds;
            nothing was written.
        DiskError: another training is at work in the run folder, or it cannot be written to.
        KeyboardInterrupt: the training was interrupted; it can be resumed.

    Example: 48 networks whose label is the size of their weights:

        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from scalegmn import ModelConfig, siren, train
        >>> from scalegmn.configuration import Sections
        >>> from scalegmn.populations import PopulationWriter
        >>> from scalegmn.training import DataConfig, LoggingConfig, RunConfig, TrainingConfig
        >>> folder, network, labels = Path(tempfile.mkdtemp()), siren(widths=(2, 6, 1)), torch.arange(48) % 2
        >>> theta = (1 + labels[:, None]) * (torch.rand(48, network.num_parameters) - 0.5)
        >>> with PopulationWriter(folder / "networks", provenance={"maker": "an example"}) as writer:
        ...     writer.append(network, theta, {"label": labels.numpy()})
        ...     writer.finish()
        >>> config = RunConfig(
        ...     data=DataConfig(population=folder / "networks", validation=0.25, test=0.25),
        ...     options=Sections({"model": ModelConfig(features=8, layers=1)}),
        ...     training=TrainingConfig(epochs=1),
        ...     logging=LoggingConfig(tensorboard=False, progress=False),
        ...     output=folder / "run",
        ... )
        >>> outcome = train(config)
        >>> outcome.report.summary["networks"]
        12
        >>> (folder / "run" / "model" / "model.safetensors").exists()
        True
    """
    _refuse(config)
    if not is_first_process():
        return _train(config, command, callbacks)
    with claim_folder(config.folder):
        # Another training may have been faster.
        _refuse(config)
        remove_remains(config.folder)
        return _train(config, command, callbacks)


def _refuse(config: RunConfig) -> None:
    """Raise what can be said against a training before anything is done."""
    found = [*machine_errors(config), *folder_errors(config)]
    if found:
        raise ConfigurationError(problems=found)


def _train(config: RunConfig, command: list[str] | None, callbacks: Sequence[Callback]) -> TrainingOutcome:
    folder = config.folder
    checked = check_networks(select(config.data), config.data)
    selection = checked.selection
    if is_first_process():
        for note in checked.notes:
            warnings.warn(note, TrainingWarning, stacklevel=3)
    task = make_task(config, selection)
    data = _load(config, selection, task)
    architectures = selection.architectures
    model = make_metanetwork(config, architectures=architectures, task=task)
    started, remarks = start_weights(model, config)
    if is_first_process():
        for remark in remarks:
            warnings.warn(remark, TrainingWarning, stacklevel=3)
    with local_settings(config):
        if is_first_process():
            facts = _facts(config, selection, task, model, command) | checked.facts | started
            _describe(config, checked.splits, facts)
        history = _learn(config, model, task, data, callbacks)
        if not is_first_process():
            return TrainingOutcome(folder, task, None, {})
        model.eval().save_pretrained(folder / MODEL)
        report, costs = _tested(config, task, model, data, selection)
        finished = FinishedTraining(
            folder=folder,
            options=config.options,
            model=model,
            train=data.train,
            val=data.val,
            groups=groups_among(selection.population, selection.val, config.data),
            architectures=architectures,
            batch_size=config.data.evaluation_batch_size,
        )
        more = task.finish(finished, report)
        write_reference(finished, task=task)
        parameters = sum(p.numel() for p in model.parameters())
        results = write_results(
            folder,
            report,
            history.rows,
            task=task,
            networks=len(data.train),
            parameters=parameters,
            costs=costs,
            more={**more, "notes": list(checked.notes)},
        )
    return TrainingOutcome(folder, task, report, results)


def _describe(config: RunConfig, splits: Mapping[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Write what is known before anything is learned."""
    networks, ancestors = with_ancestors(config, splits)
    write_text(config.folder / CONFIG, to_yaml(to_plain(config)))
    write_own(config.folder, networks)
    write_run(config.folder, facts | ancestors)


def _load(config: RunConfig, selection: DataSelection, task: AnyTask) -> Datasets:
    def networks(population: Population, rows: np.ndarray) -> NetworkDataset:
        targets = task.targets(population, rows)
        return NetworkDataset(
            population=population,
            rows=rows,
            targets=targets,
            canonicalize=config.data.canonicalize,
            memory_limit=config.data.memory_limit * 2**30,
        )

    test = networks(selection.test_population, selection.test) if len(selection.test) else None
    return Datasets(
        networks(selection.population, selection.train), networks(selection.population, selection.val), test
    )


def _tested(
    config: RunConfig, task: AnyTask, model: Metanetwork, data: Datasets, selection: DataSelection
) -> tuple[Report | None, PredictionCosts]:
    """The report on the test networks, and what a prediction takes; None where there are none."""
    if data.test is None:
        return None, PredictionCosts()
    # Lightning has brought the model back to the CPU.
    device = device_called("cpu" if config.training.accelerator is Accelerator.cpu else None)
    model.to(device)
    began = time.perf_counter()
    outputs, targets = outputs_on(task, model, data.test, batch_size=config.data.evaluation_batch_size)
    pace = (time.perf_counter() - began) / len(data.test)
    population, rows = selection.test_population, selection.test
    groups = groups_among(population, rows, config.data)
    report = report_in_parts(task, outputs, targets, population=population, rows=rows, groups=groups)
    if not task.writes_networks:
        report = dataclasses.replace(report, arrays={**report.arrays, OUTPUTS: outputs.float().numpy()})
    return report, PredictionCosts(seconds=pace, operations=operations_per_network(task, model, data.test))


def _learn(
    config: RunConfig, model: Metanetwork, task: AnyTask, data: Datasets, callbacks: Sequence[Callback]
) -> History:
    """Bring the model to its best state."""
    if isinstance(model, FittedPredictor):
        history = History(config.folder / METRICS)
        fit_at_once(config, model, task, data, history)
        return history
    _fit_scale(model, data.train)
    if model.fitted_part is not None:
        fit_to(model.fitted_part, task, data.train, batch_size=config.data.evaluation_batch_size)
    history = fit_stepwise(config, model, task, data, callbacks)
    if is_first_process():
        state = read_checkpoint(config.folder / CHECKPOINTS / BEST)["state_dict"]
        weights = {k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")}
        with restoring(config.folder / CHECKPOINTS / BEST, done=lambda: False):
            model.load_state_dict(weights)
        model.settle(lambda: _loss_on(task, model, data.val, batch_size=config.data.evaluation_batch_size))
    return history


def _loss_on(task: AnyTask, model: Metanetwork, networks: NetworkDataset, *, batch_size: int) -> float:
    return float(task.loss(*outputs_on(task, model, networks, batch_size=batch_size)))


def _fit_scale(model: Metanetwork, networks: NetworkDataset) -> None:
    """Sizes of weights from some training networks; the same ones whatever the seed of the training."""
    order = numpy_generator(0, "scale").permutation(len(networks))[:SCALE_SAMPLE]
    model.fit_scale(networks[np.sort(order)])


def _facts(
    config: RunConfig, selection: DataSelection, task: AnyTask, model: Metanetwork, command: list[str] | None
) -> dict[str, Any]:
    populations = {"population": selection.population, "test_population": selection.test_population}
    return {
        "task": {"name": config.task, **task.to_config()},
        "metanetwork": config.metanetwork,
        "classes": {"task": _place(task), "metanetwork": _place(model)},
        "architectures": [architecture.to_dict() for architecture in selection.architectures],
        "fingerprints": [architecture.fingerprint for architecture in selection.architectures],
        "data": to_plain(config.data),
        "populations": {
            name: {"folder": str(p.folder), "checksum": p.checksum, "networks": len(p)}
            for name, p in populations.items()
        },
        "networks": {name: len(getattr(selection, name)) for name in ("train", "val", "test")},
        "parameters": sum(p.numel() for p in model.parameters()),
        "seed": config.training.seed,
        "command": shlex.join(command) if command is not None else None,
        "versions": versions(),
    }


def _place(thing: AnyTask | Metanetwork) -> str:
    """Where a class is, for people: nothing is imported because a run folder says so."""
    return f"{type(thing).__module__}:{type(thing).__qualname__}"
