"""The model that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from scalegmn.configuration import shown
from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec
from scalegmn.models import (
    CONFIG_FILE,
    Editor,
    Judge,
    Metanetwork,
    ProbedScaleGMN,
    ScaleGMN,
    ScaleGMNEditor,
    recompute_layers,
)
from scalegmn.models.baselines import (
    NFN,
    AnswerKind,
    FeatureBoosting,
    FeatureLogistic,
    FlatMLP,
    FlatMLPEditor,
    Probes,
    StatNNMLP,
)
from scalegmn.models.baselines.features import FeatureKind, make_features
from scalegmn.networks import Architecture, read_json
from scalegmn.seeding import derive_seed
from scalegmn.tasks import Classification, Link, Regression
from scalegmn.training._config import EDITING, MetanetworkName, RunConfig, TaskName
from scalegmn.training._task import AnyTask
from scalegmn.trojans.detection import TrojanDetection

_SAVED: Final[dict[str, type[Metanetwork]]] = {
    kind.__name__: kind
    for kind in (
        ScaleGMN,
        ScaleGMNEditor,
        ProbedScaleGMN,
        FlatMLP,
        FlatMLPEditor,
        StatNNMLP,
        FeatureBoosting,
        FeatureLogistic,
        NFN,
        Probes,
    )
}
ONE_LAYOUT: Final = (MetanetworkName.flat_mlp, MetanetworkName.nfn)
"""Models that read networks only whose parameters all have the same shapes."""
FITTED: Final = (MetanetworkName.feature_boosting, MetanetworkName.feature_logistic)
"""Models that are fitted to features of all training networks at once."""
LAYERED: Final = (MetanetworkName.scalegmn, MetanetworkName.scalegmn_probes)
"""Models with message passing layers."""
EDITORS: Final = (MetanetworkName.scalegmn, MetanetworkName.flat_mlp)
"""Models that can write networks."""


def make_metanetwork(
    config: RunConfig, *, architectures: Sequence[Architecture], task: AnyTask
) -> Metanetwork:
    """A new metanetwork whose weights depend on the configuration and its seed only.

    Layers draw their weights from PyTorch's global generator; it is seeded here and given back as it was.

    Raises:
        ConfigurationError: the model does not do such a task, or cannot read such networks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(config.training.seed, "model"))
        editing = config.task in EDITING
        model = _editor(config, architectures) if editing else _judge(config, architectures, task)
    if config.training.recompute and not recompute_layers(model):
        raise ConfigurationError(no_layers(config))
    return model


def _judge(config: RunConfig, architectures: Sequence[Architecture], task: AnyTask) -> Judge:
    outputs = task.outputs
    match config.metanetwork:
        case MetanetworkName.scalegmn:
            return ScaleGMN(spec=GraphSpec.of(architectures), outputs=outputs, config=config.model)
        case MetanetworkName.scalegmn_probes:
            return ProbedScaleGMN.of(
                architectures, outputs=outputs, config=config.model, probes=config.probes
            )
        case MetanetworkName.flat_mlp:
            check_layout(architectures, reader="flat_mlp")
            count = architectures[0].num_parameters
            return FlatMLP(parameters=count, outputs=outputs, config=config.flat_mlp)
        case MetanetworkName.statnn_mlp:
            return StatNNMLP.of(architectures, outputs=outputs, config=config.statnn)
        case MetanetworkName.feature_boosting | MetanetworkName.feature_logistic:
            return _fitted(config, architectures, task)
        case MetanetworkName.nfn:
            return NFN.of(architectures, outputs=outputs, config=config.nfn)
        case MetanetworkName.probes:
            return Probes.of(architectures, outputs=outputs, config=config.probes)
    raise AssertionError(f"no model is called {config.metanetwork}")


def _fitted(config: RunConfig, architectures: Sequence[Architecture], task: AnyTask) -> Judge:
    check_features(config, architectures)
    read_by = make_features(config.features, architectures)
    # They answer one question: whether a network is trojaned, not for which class.
    outputs = 1 if isinstance(task, TrojanDetection) else task.outputs
    kind = _answer_kind(task)
    if config.metanetwork is MetanetworkName.feature_logistic:
        return FeatureLogistic(read_by=read_by, outputs=outputs, kind=kind, config=config.logistic)
    return FeatureBoosting(
        read_by=read_by, outputs=outputs, kind=kind, config=config.boosting, seed=config.training.seed
    )


def check_features(config: RunConfig, architectures: Sequence[Architecture]) -> None:
    """Refuse a fitted model whose features cannot read all networks, or that does not do the task.

    Raises:
        ConfigurationError: says which.
    """
    if config.metanetwork is MetanetworkName.feature_logistic and config.task is TaskName.regression:
        raise ConfigurationError(
            "metanetwork: feature_logistic answers with classes, and the task regression asks for numbers; "
            "use feature_boosting"
        )
    if config.features.kind is FeatureKind.flat:
        check_layout(architectures, reader=f"{config.metanetwork.value} with the features flat")
    make_features(config.features, architectures)


def _editor(config: RunConfig, architectures: Sequence[Architecture]) -> Editor:
    match config.metanetwork:
        case MetanetworkName.scalegmn:
            return ScaleGMNEditor(spec=GraphSpec.of(architectures), config=config.model)
        case MetanetworkName.flat_mlp:
            check_layout(architectures, reader="flat_mlp")
            return FlatMLPEditor.of(architectures[0], config=config.flat_mlp)
    raise ConfigurationError(no_editor(config))


def no_editor(config: RunConfig) -> str:
    """What to say of a model that only answers questions, where one is needed that writes networks."""
    able = " or ".join(name.value for name in EDITORS)
    return f"metanetwork: {config.metanetwork.value} writes no networks; for {config.task.value} use {able}"


def no_layers(config: RunConfig) -> str:
    """What to say of a model without message passing layers, where these are to be computed again."""
    able = " or ".join(name.value for name in LAYERED)
    return (
        f"training.recompute is on, but {config.metanetwork.value} has no message passing layers; turn it "
        f"off, or use {able}"
    )


def _answer_kind(task: AnyTask) -> AnswerKind:
    """What fitted models answer with, so that the task reads it as the answer of any model."""
    if isinstance(task, TrojanDetection):
        return AnswerKind.log_odds
    if isinstance(task, Classification):
        return AnswerKind.log_probability
    sigmoid = isinstance(task, Regression) and task.config.link is Link.sigmoid
    return AnswerKind.logit if sigmoid else AnswerKind.value


def check_layout(architectures: Sequence[Architecture], *, reader: str) -> None:
    """Raise a ConfigurationError that names the model where parameters have different names or shapes."""
    layouts = {architecture.parameters for architecture in architectures}
    if len(layouts) > 1:
        raise ConfigurationError(
            f"metanetwork: {reader} reads networks whose parameters have the same shapes, there are "
            f"{len(layouts)} different ones in {len(architectures)} architectures; use scalegmn, or choose "
            "networks with data.where"
        )


def load_metanetwork(folder: Path) -> Metanetwork:
    """A saved metanetwork of any kind, in evaluation mode.

    Raises:
        ConfigurationError: there is none, or of a kind that is not known.
    """
    kind = read_json(folder / CONFIG_FILE, what="model configuration").get("model")
    if not isinstance(kind, str) or kind not in _SAVED:
        raise ConfigurationError(
            f"{folder / CONFIG_FILE}: holds a model of class {shown(kind)}, expected one of {sorted(_SAVED)}"
        )
    return _SAVED[kind].from_pretrained(folder)
