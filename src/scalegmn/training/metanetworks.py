"""The model that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph.spec import GraphSpec
from scalegmn.models.baselines.flat_mlp import FlatMLP
from scalegmn.models.editor import ScaleGMNEditor
from scalegmn.models.metanetwork import Metanetwork
from scalegmn.models.saving import CONFIG_FILE
from scalegmn.models.scalegmn import ScaleGMN
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.files import read_json
from scalegmn.seeding import derive_seed
from scalegmn.training.config import MetanetworkName, RunConfig, TaskName

_SAVED: Final[dict[str, type[Metanetwork]]] = {
    kind.__name__: kind for kind in (ScaleGMN, ScaleGMNEditor, FlatMLP)
}

ONE_ARCHITECTURE: Final = (MetanetworkName.flat_mlp,)
"""Models that cannot read networks of several architectures."""


def make_metanetwork(
    config: RunConfig, *, architectures: Sequence[Architecture], outputs: int
) -> Metanetwork:
    """A new metanetwork whose weights depend on the configuration and its seed only.

    Layers draw their weights from PyTorch's global generator; it is seeded here and given back as it was.

    Raises:
        ConfigurationError: the model reads one architecture only and there are several.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(config.training.seed, "model"))
        if config.metanetwork is MetanetworkName.scalegmn:
            spec = GraphSpec.of(architectures)
            if config.task is TaskName.inr_editing:
                return ScaleGMNEditor(spec=spec, config=config.model)
            return ScaleGMN(spec=spec, outputs=outputs, config=config.model)
        architecture = only_architecture(architectures, reader=config.metanetwork.value)
        return FlatMLP(parameters=architecture.num_parameters, outputs=outputs, config=config.flat_mlp)


def only_architecture(architectures: Sequence[Architecture], *, reader: str) -> Architecture:
    """The only one.

    Raises:
        ConfigurationError: there are several; names the model that cannot read them.
    """
    if len(architectures) != 1:
        raise ConfigurationError(
            f"metanetwork: {reader} reads networks of one architecture, there are {len(architectures)}; "
            "use scalegmn, or choose one with data.where"
        )
    return architectures[0]


def load_metanetwork(folder: Path) -> Metanetwork:
    """A saved metanetwork of any kind, in evaluation mode.

    Raises:
        ConfigurationError: there is none, or of a kind that is not known.
    """
    kind = read_json(folder / CONFIG_FILE, what="model configuration").get("model")
    if kind not in _SAVED:
        raise ConfigurationError(
            f"{folder / CONFIG_FILE}: holds a model of class {kind!r}, expected one of {sorted(_SAVED)}"
        )
    return _SAVED[kind].from_pretrained(folder)
