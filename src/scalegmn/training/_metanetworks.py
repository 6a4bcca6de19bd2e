"""The model that a configuration asks for, and the one that a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.models import (
    CONFIG_FILE,
    EDITORS,
    MODELS,
    PREDICTORS,
    Metanetwork,
    ModelContext,
)
from scalegmn.networks import Architecture, read_json
from scalegmn.seeding import derive_seed
from scalegmn.training._config import RunConfig
from scalegmn.training._task import TASKS, AnyTask


def metanetwork_class(config: RunConfig) -> type[Metanetwork]:
    """The class of the model that a configuration asks for, of those that can do its task.

    Raises:
        ConfigurationError: there is none of this name, or it writes no networks where the task asks for that,
            or makes no predictions.
    """
    editing = TASKS.get(config.task).writes_networks
    table, other = (EDITORS, PREDICTORS) if editing else (PREDICTORS, EDITORS)
    if config.metanetwork not in table and config.metanetwork in other:
        lacks = "writes no networks" if editing else "makes no predictions"
        raise ConfigurationError(
            f"metanetwork: {config.metanetwork} {lacks}; for {config.task} use {' or '.join(table.names())}"
        )
    return table.get(config.metanetwork)


def model_context(
    config: RunConfig, architectures: Sequence[Architecture], task: AnyTask | None
) -> ModelContext:
    """What the model of a training is built for.

    Args:
        config: of the training.
        architectures: of its networks.
        task: of the training; None where it cannot be made, so that no more is known.
    """
    return ModelContext(
        architectures=architectures,
        options=config.options,
        outputs=0 if task is None else task.outputs,
        fitted_outputs=0 if task is None else task.fitted_outputs,
        output_type=None if task is None else task.output_type,
        seed=config.training.seed,
    )


def make_metanetwork(
    config: RunConfig, *, architectures: Sequence[Architecture], task: AnyTask
) -> Metanetwork:
    """A new metanetwork whose weights depend on the configuration and its seed only.

    Layers draw their weights from PyTorch's global generator; it is seeded here and given back as it was.

    Raises:
        ConfigurationError: the model does not do such a task, or cannot read such networks.
    """
    kind = metanetwork_class(config)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(config.training.seed, "model"))
        model = kind.build(model_context(config, architectures, task))
    task.check_model(model)
    if config.training.recompute:
        from scalegmn.models import recompute_layers

        if not recompute_layers(model):
            raise ConfigurationError(no_layers(config))
    return model


def no_layers(config: RunConfig) -> str:
    """What to say of a model without message passing layers, where these are to be computed again."""
    able = [name for name in PREDICTORS.names() if PREDICTORS.get(name).recomputes]
    return (
        f"training.recompute is on, but {config.metanetwork} has no message passing layers; turn it off, or "
        f"use {' or '.join(able)}"
    )


def load_metanetwork(folder: Path) -> Metanetwork:
    """A saved metanetwork of any kind, in evaluation mode.

    Raises:
        ConfigurationError: there is none, or of a kind that is not known.
    """
    path = folder / CONFIG_FILE
    kind = read_json(path, what="model configuration").get("model")
    return MODELS.get(kind, origin=str(path)).from_pretrained(folder)
