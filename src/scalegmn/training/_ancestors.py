"""Trained models that a training builds on: those of an ensemble, and the one that it starts from.

Whatever they learned from, the new model has learned from as well.  A training that goes on has the weights
of the run that it started from in its own checkpoint, and what it says of that run in its own folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.models import FittedPredictor, Metanetwork
from scalegmn.networks import read_json
from scalegmn.training._config import RunConfig
from scalegmn.training._metanetworks import metanetwork_class
from scalegmn.training._own_networks import ANCESTORS, learned_networks, own_splits, read_own
from scalegmn.training._run_folder import RUN, Run, checkpoint_to_resume
from scalegmn.training._selection import DataSelection
from scalegmn.training._task import AnyTask

START: Final = "training.start_from"
STARTED: Final = "started_from"
"""In ``run.json``: which weights came from the run that the training started from."""
_SHOWN: Final = 3


def ancestor_errors(config: RunConfig, selection: DataSelection, task: AnyTask) -> Iterator[str]:
    """What stands against the trained models that a training builds on.

    Args:
        config: of the training.
        selection: its networks.
        task: what it learns.
    """
    kind = metanetwork_class(config)
    for folder in _members(config):
        yield from _errors(f"{kind.name}.runs", folder, config, selection, task)
    if config.training.start_from is not None and checkpoint_to_resume(config) is None:
        if issubclass(kind, FittedPredictor):
            yield f"{START} is given, but {kind.name} is not learned step by step; leave it out"
        else:
            yield from _errors(START, config.training.start_from, config, selection, None)


def _errors(
    key: str, folder: Path, config: RunConfig, selection: DataSelection, task: AnyTask | None
) -> Iterator[str]:
    """Errors of one run; with `task`, it has to be a run of this very task."""
    try:
        run = Run.open(folder)
        if task is not None and run.task.to_config() != task.to_config():
            yield (
                f"{key}: {folder} learned another task, or from other networks, whose targets have other "
                "constants; train it with the same task and data"
            )
        if run.canonicalize != config.data.canonicalize:
            yield (
                f"{key}: {folder} was trained with data.canonicalize={str(run.canonicalize).lower()}, "
                f"expected {str(config.data.canonicalize).lower()}, as here"
            )
        yield from _leaks(key, run, selection)
    except ScaleGMNError as error:
        yield f"{key}: {error}"


def _leaks(key: str, run: Run, selection: DataSelection) -> Iterator[str]:
    """Networks of the test that the run learned from, or chose its best epoch by, and such of validation."""
    sets = (
        ("test", selection.test_population, selection.test, ("train", "val")),
        ("validation", selection.population, selection.val, ("train",)),
    )
    for name, population, rows, seen in sets:
        own = own_splits(run, population, rows) if len(rows) else np.array([], dtype="<U5")
        if own is None:
            yield (
                f"{key}: {run.folder} does not say which networks it was trained on, and its population is "
                "not at hand; train it again"
            )
            return
        count = int(np.isin(own, seen).sum())
        if count:
            yield (
                f"{key}: {run.folder} learned from {count} of the {len(rows)} {name} networks, so that "
                "figures would be too good; choose a run with the same split, or other networks"
            )


def with_ancestors(
    config: RunConfig, splits: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What a model has learned from, with what the trained models that it builds on have learned from.

    Args:
        config: of the training.
        splits: digests of the networks of the training, by their splits.

    Returns:
        Digests of all of them by their splits, and facts for ``run.json``.
    """
    start = config.training.start_from
    if start is not None and checkpoint_to_resume(config) is not None:
        recorded = read_json(config.folder / RUN, what="description of a run")
        kept: dict[str, Any] = {name: recorded[name] for name in (ANCESTORS, STARTED) if name in recorded}
        return read_own(config.folder), kept
    folders = [*_members(config), *([] if start is None else [start])]
    found = dict(splits)
    for folder in folders:
        for name, digests in learned_networks(Run.open(folder)).items():
            found[name] = np.union1d(found[name], digests)
    return found, {ANCESTORS: [str(folder) for folder in folders]} if folders else {}


def _members(config: RunConfig) -> tuple[Path, ...]:
    return metanetwork_class(config).runs_of(config.options)


def start_weights(model: Metanetwork, config: RunConfig) -> tuple[dict[str, Any], list[str]]:
    """Give a new model the weights of the run that its training starts from.

    Returns:
        Facts for ``run.json``, and what a user should know, one sentence each; both empty without such a run,
        and where a checkpoint holds later weights.

    Raises:
        ConfigurationError: the run holds another kind of model, or none of its weights fits.
    """
    folder = config.training.start_from
    if folder is None or checkpoint_to_resume(config) is not None:
        return {}, []
    trained = Run.open(folder).model
    if type(trained) is not type(model):
        raise ConfigurationError(
            f"{START}: {folder} holds a model {type(trained).__name__}, expected {type(model).__name__}, "
            "as metanetwork and task say"
        )
    new, old = model.state_dict(), trained.state_dict()
    taken = {name: value for name, value in old.items() if name in new and new[name].shape == value.shape}
    anew = [name for name in new if name not in taken]
    if not taken:
        raise ConfigurationError(
            f"{START}: no weights of {folder} have the shapes of the new model; give it the same options"
        )
    model.load_state_dict({**new, **taken})
    facts = {STARTED: {"run": str(folder), "tensors": len(taken), "anew": anew}}
    if not anew:
        return facts, []
    more = f" and {len(anew) - _SHOWN} more" if len(anew) > _SHOWN else ""
    return facts, [
        f"{len(taken)} of {len(new)} tensors start from {folder}; these have other shapes there and start "
        f"anew: {', '.join(anew[:_SHOWN])}{more}"
    ]
