"""What a configuration gets wrong about the data, the machine and itself, found before any work starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from scalegmn.configuration import to_plain
from scalegmn.disk import holds_something, writer_in
from scalegmn.errors import CheckpointError, ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.models import FittedPredictor
from scalegmn.networks import read_json
from scalegmn.populations import Population
from scalegmn.training._ancestors import ancestor_errors
from scalegmn.training._checkpoint_io import read_checkpoint
from scalegmn.training._config import RunConfig, Schedule
from scalegmn.training._machine import machine_errors, missing_devices, processes_of
from scalegmn.training._metanetworks import metanetwork_class, model_context, no_layers
from scalegmn.training._parsing import flat_items
from scalegmn.training._processes import is_first_process
from scalegmn.training._run_folder import CHECKPOINTS, CONFIG, LAST, RUN
from scalegmn.training._run_parsing import parse_plain_run
from scalegmn.training._selection import select
from scalegmn.training._task import AnyTask
from scalegmn.training._tasks import make_task
from scalegmn.training._yaml_files import read_yaml

FREE_ON_RESUME: Final = (
    "output",
    "resume",
    "data.num_workers",
    "data.memory_limit",
    "data.evaluation_batch_size",
    "training.epochs",
    "training.early_stopping_patience",
    "training.accelerator",
    "training.devices",
    "training.nodes",
    "training.strategy",
    "training.accumulate",
    "training.threads",
    "training.recompute",
)
"""What may differ when a training is resumed; everything else would make it another training."""


def configuration_errors(config: RunConfig) -> list[str]:
    """All of them, one sentence each."""
    writer = writer_in(config.folder) if is_first_process() else None
    if writer is not None:
        return [f"output: another command is writing to {config.folder} ({writer}); wait for it or end it"]
    return [*work_errors(config), *folder_errors(config)]


def work_errors(config: RunConfig, *, elsewhere: bool = False) -> list[str]:
    """Errors in the data and machine settings, independent of the run folder.

    Args:
        config: of the training.
        elsewhere: whether other machines train, which see for themselves what they can do.
    """
    machine = () if elsewhere else machine_errors(config)
    return [*_of_model(config), *_of_data(config), *machine]


def _of_model(config: RunConfig) -> Iterator[str]:
    try:
        if config.training.recompute and not metanetwork_class(config).recomputes:
            yield no_layers(config)
        if config.training.weight_average is not None and issubclass(
            metanetwork_class(config), FittedPredictor
        ):
            yield (
                f"training.weight_average is given, but {config.metanetwork} is not learned step by step; "
                "leave it out"
            )
        if processes_of(config.training) > 1 and issubclass(metanetwork_class(config), FittedPredictor):
            yield (
                f"training.devices is {config.training.devices} and training.nodes {config.training.nodes}, "
                f"but {config.metanetwork} is not learned step by step; use 1 of each"
            )
    except ConfigurationError as error:
        yield str(error)


def _of_data(config: RunConfig) -> Iterator[str]:
    data = config.data
    opened: dict[str, Population] = {}
    for key, folder in (("data.population", data.population), ("data.test_population", data.test_population)):
        if folder is not None:
            try:
                opened[key] = Population.open(folder)
            except ScaleGMNError as error:
                yield f"{key}: {error}"
    train, test = opened.get("data.population"), opened.get("data.test_population")
    # Where there is one architecture only, another one is a slip; mixed populations are there to generalize.
    if train is not None and test is not None and len(train.architectures) == 1:
        known = train.architecture
        foreign = [one.describe() for one in test.architectures if one.fingerprint != known.fingerprint]
        if foreign:
            alike = (
                "; they differ in what this leaves out, such as padding or frequencies"
                if known.describe() in foreign
                else ""
            )
            yield (
                f"data.test_population: {test.folder} has another architecture than data.population: "
                f"{', '.join(sorted(foreign))}, not {known.describe()}{alike}"
            )
    if len(opened) == 1 + (data.test_population is not None):
        yield from _of_selection(config)


def _of_selection(config: RunConfig) -> Iterator[str]:
    """What is wrong with the chosen networks."""
    try:
        selection = select(config.data)
    except ScaleGMNError as error:
        yield str(error)
        return
    yield from _of_parts(config, train=len(selection.train), val=len(selection.val))
    task: AnyTask | None = None
    try:
        task = make_task(config, selection)
        task.targets(selection.population, np.concatenate([selection.train, selection.val]))
        if len(selection.test):
            task.targets(selection.test_population, selection.test)
    except ScaleGMNError as error:
        yield f"{config.task}: {error}"
    try:
        model = metanetwork_class(config)
    except ConfigurationError:
        # It has been reported.
        return
    try:
        model.check(model_context(config, selection.architectures, task))
    except ScaleGMNError as error:
        yield str(error)
        return
    if task is not None:
        yield from ancestor_errors(config, selection, task)


def _of_parts(config: RunConfig, *, train: int, val: int) -> Iterator[str]:
    """Whether all processes have work at every step."""
    training, processes = config.training, processes_of(config.training)
    if missing_devices(training) is not None:
        # It is reported with the machine.
        return
    parts = processes * training.accumulate
    steps = -(-train // config.data.batch_size)
    smallest = train // max(steps, 1)
    devices = "1 device" if processes == 1 else f"{processes} devices"
    if parts > smallest:
        yield (
            f"training.accumulate is {training.accumulate} on {devices}, which cuts batches in {parts}, but "
            f"there are batches of {smallest} networks; give a larger data.batch_size, or smaller numbers"
        )
    if processes > val:
        yield f"there are {devices}, but only {val} networks for validation; use fewer, or give more networks"


def folder_errors(config: RunConfig) -> Iterator[str]:
    """What of a run folder stands in the way: something else, or a training that was begun otherwise."""
    folder = config.folder
    if not is_first_process():
        return
    begun = (folder / CONFIG).is_file()
    if folder.exists() and not folder.is_dir():
        yield f"output: {folder} is a file; choose a folder"
    elif holds_something(folder) and not config.resume:
        hint = (
            "continue it with --resume, or choose another one with --output"
            if begun
            else "choose another one"
        )
        yield f"output: {folder} is not empty; {hint}"
    elif holds_something(folder) and not begun:
        yield f"resume: {folder} is not empty and holds no training to resume; choose another folder"
    elif begun:
        yield from _changes(config)
        yield from _of_epochs(config)
        yield from (f"resume: {folder}: {one}" for one in other_networks(config))


def _changes(config: RunConfig) -> Iterator[str]:
    """What a training that is to be resumed was begun with, and is now otherwise."""
    path = config.folder / CONFIG
    try:
        before = dict(flat_items(parse_plain_run(read_yaml(path), origin=str(path))))
    except ConfigurationError as error:
        yield f"resume: {error}"
        return
    free = set(FREE_ON_RESUME)
    if config.training.schedule is not Schedule.constant:
        # The length of these schedules is that of the training.
        free.discard("training.epochs")
    for key, value in flat_items(config):
        if key not in free and not key.startswith("logging.") and before.get(key, value) != value:
            now, then = to_plain(value), to_plain(before[key])
            yield f"resume: {key} is {now!r}, but {config.folder} was begun with {then!r}"


def _of_epochs(config: RunConfig) -> Iterator[str]:
    """Whether more was done than is wanted: what was learned cannot be taken back."""
    path = config.folder / CHECKPOINTS / LAST
    if not path.is_file():
        return
    try:
        done = int(read_checkpoint(path)["epoch"]) + 1
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        yield f"resume: {error if isinstance(error, CheckpointError) else f'{path}: damaged, {error!r}'}"
        return
    if done > config.training.epochs:
        yield (
            f"resume: training.epochs is {config.training.epochs}, but {config.folder} has done {done} "
            f"epochs already; give {done} or more, or train in another folder"
        )


def other_networks(config: RunConfig) -> Iterator[str]:
    """Populations that were made anew since the training was begun."""
    path = config.folder / RUN
    if not path.is_file():
        return
    recorded = read_json(path, what="description of a run").get("populations", {})
    data = config.data
    folders = {"population": data.population, "test_population": data.test_population or data.population}
    for name, folder in folders.items():
        try:
            checksum = Population.open(folder).checksum
        except PopulationError:
            # It is reported with the data.
            continue
        if recorded.get(name, {}).get("checksum") != checksum:
            yield f"the networks in {folder} are not those that it was trained on"
            return
