"""Making the metanetwork that a configuration asks for, and reading one that was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph.convert import to_graph
from scalegmn.graph.spec import GraphSpec
from scalegmn.models.baselines.flat_mlp import FlatMLP
from scalegmn.models.scalegmn import ScaleGMN
from scalegmn.networks.architecture import Architecture
from scalegmn.seeding import derive_seed
from scalegmn.tasks.inr_classification import InrClassification
from scalegmn.training.config import MetanetworkName, RunConfig, TaskName

Metanetwork = ScaleGMN | FlatMLP

_MODELS: Final[dict[MetanetworkName, type[ScaleGMN] | type[FlatMLP]]] = {
    MetanetworkName.scalegmn: ScaleGMN,
    MetanetworkName.flat_mlp: FlatMLP,
}
_TASKS: Final = {TaskName.inr_classification: InrClassification}


def make_task(name: TaskName, *, classes: Sequence[str]) -> InrClassification:
    """The task of a run."""
    return _TASKS[name](classes=classes)


def make_metanetwork(
    config: RunConfig, *, architectures: Sequence[Architecture], outputs: int
) -> Metanetwork:
    """A new metanetwork whose weights depend on the configuration and its seed only.

    Layers draw their weights from PyTorch's global generator; it is seeded here and given back as it was.

    Raises:
        ConfigurationError: FlatMLP was asked for and there are several architectures.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(config.training.seed, "model"))
        if config.metanetwork is MetanetworkName.scalegmn:
            return ScaleGMN(spec=GraphSpec.of(architectures), outputs=outputs, config=config.model)
        if len(architectures) != 1:
            raise ConfigurationError(
                f"metanetwork: flat_mlp reads networks of one architecture, there are {len(architectures)}; "
                "use scalegmn"
            )
        graph = to_graph(architectures[0], torch.zeros(architectures[0].num_parameters))
        return FlatMLP(
            taps=graph.tap_weight.numel(),
            nodes=graph.node_bias.numel(),
            outputs=outputs,
            config=config.flat_mlp,
        )


def load_metanetwork(name: MetanetworkName, folder: Path) -> Metanetwork:
    """A saved metanetwork, in evaluation mode."""
    return _MODELS[name].from_pretrained(folder)
