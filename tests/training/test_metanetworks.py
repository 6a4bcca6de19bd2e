from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from scalegmn.configuration import Sections
from scalegmn.editing import EditingConfig, InrEditing
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import (
    PREDICTORS,
    Editor,
    FittedPredictor,
    ModelConfig,
    Predictor,
    ScaleGMNEditor,
    check_layout,
)
from scalegmn.models.baselines import (
    FeatureAverage,
    FeatureBoosting,
    FeatureLogistic,
    FlatMLPEditor,
    OutputType,
)
from scalegmn.models.baselines.features import FEATURES, FeaturesConfig
from scalegmn.networks import Architecture, siren
from scalegmn.seeding import generator
from scalegmn.tasks import Classification, Link, Regression, RegressionConfig
from scalegmn.training import DataConfig, RunConfig, Task, TrainingConfig, make_metanetwork
from scalegmn.training._metanetworks import load_metanetwork, model_context
from scalegmn.trojans.detection import TrojanDetection

ONE, OTHER = siren(widths=(2, 4, 4, 1)), siren(widths=(2, 5, 1))
LEARNERS = [name for name in PREDICTORS.names() if not issubclass(PREDICTORS.get(name), FittedPredictor)]
# These read whatever features the configuration names.
FITTED = [
    name
    for name in PREDICTORS.names()
    if name not in LEARNERS and "features" in PREDICTORS.get(name).sections
]
# These answer one question alone.
DETECTORS = ("last_layer_anomaly", "aligned_logistic")
NUMBERS = Regression(label="x", config=RegressionConfig())
THREE_CLASSES = Classification(label="label", classes=["a", "b", "c"])
DETECTION = TrojanDetection(label="trojaned", target="target", classes=3, target_weight=0.2)
CLASSIFIERS = [siren(widths=(2, width, 3)) for width in (4, 5)]


def configured(metanetwork: str, *, task: str = "classification", seed: int = 0) -> RunConfig:
    return RunConfig(
        data=DataConfig(population=Path("anywhere")),
        task=task,
        metanetwork=metanetwork,
        options=Sections({"model": ModelConfig(features=4, layers=2)}),
        training=TrainingConfig(seed=seed),
    )


def batch_of(architecture: Architecture, networks: int = 3) -> NetworkBatch:
    theta = 0.3 * torch.randn(networks, architecture.num_parameters, generator=generator(0))
    return NetworkBatch.from_parameters(architecture, theta)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_judge_answers_with_what_the_task_needs(name: str) -> None:
    model = make_metanetwork(configured(name), architectures=[ONE], task=THREE_CLASSES)
    assert isinstance(model, Predictor)
    assert model.eval().predict(batch_of(ONE)).shape == (3, 3)


@pytest.mark.parametrize("name", ["scalegmn", "nfn", "probes"])
def test_seed_decides_and_the_global_generator_does_not(name: str) -> None:
    weights = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(noise)
            before = torch.get_rng_state()
            model = make_metanetwork(configured(name, seed=seed), architectures=[ONE], task=THREE_CLASSES)
            assert torch.equal(torch.get_rng_state(), before)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("task", "kind", "outputs"),
    [
        (THREE_CLASSES, OutputType.log_probability, 3),
        (Regression(label="x", config=RegressionConfig(link=Link.sigmoid)), OutputType.logit, 1),
        (Regression(label="x", config=RegressionConfig(link=Link.identity)), OutputType.value, 1),
        (
            TrojanDetection(label="x", target="y", classes=3, target_weight=0.2),
            OutputType.log_odds,
            1,
        ),
    ],
)
def test_trees_answer_as_the_task_reads_it(task: Task, kind: OutputType, outputs: int) -> None:
    config = configured("feature_boosting")
    model = make_metanetwork(config, architectures=[ONE, OTHER], task=task)
    assert isinstance(model, FeatureBoosting)
    assert (model.kind, model.outputs) == (kind, outputs)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("kind", FEATURES.names())
def test_features_and_what_is_fitted_are_two_choices(name: str, kind: str) -> None:
    config = dataclasses.replace(configured(name), options=Sections({"features": FeaturesConfig(type=kind)}))
    model = make_metanetwork(config, architectures=[ONE], task=THREE_CLASSES)
    assert isinstance(model, FeatureAverage | FeatureBoosting | FeatureLogistic)
    assert (model.outputs, model.kind) == (3, OutputType.log_probability)
    assert model.feature_set.name == kind
    assert model.compute_features(batch_of(ONE)).shape == (3, model.feature_set.size)
    if kind == "flat":
        with pytest.raises(ConfigurationError, match=f"{name} with the features flat reads networks"):
            make_metanetwork(config, architectures=[ONE, OTHER], task=THREE_CLASSES)


@pytest.mark.parametrize("kind", [FeatureAverage, FeatureLogistic])
def test_logistic_regression_answers_with_classes_only(kind: type[FeatureAverage | FeatureLogistic]) -> None:
    config = configured(kind.name, task="regression")
    with pytest.raises(ConfigurationError, match=f"{kind.name} returns classes.*feature_boosting"):
        kind.check(model_context(config, [ONE], NUMBERS))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("scalegmn", ScaleGMNEditor), ("flat_mlp", FlatMLPEditor)],
)
def test_editors(name: str, kind: type[Editor]) -> None:
    config = configured(name, task="inr_editing")
    task = InrEditing(config=EditingConfig(image_source="digits", image_size=(8, 8)))
    model = make_metanetwork(config, architectures=[ONE], task=task)
    assert isinstance(model, kind)
    before = batch_of(ONE)
    edited = model.eval().edit(before)
    assert edited.single[0] == ONE and edited.single[1].shape == before.single[1].shape
    for other in ("statnn_mlp", "probes"):
        with pytest.raises(ConfigurationError, match=f"{other} writes no networks.*use scalegmn"):
            make_metanetwork(dataclasses.replace(config, metanetwork=other), architectures=[ONE], task=task)


# An ensemble is made of runs, and has their layouts.
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PREDICTORS.names() if name != "ensemble"])
def test_only_some_models_need_one_layout(name: str) -> None:
    if PREDICTORS.get(name).one_layout:
        with pytest.raises(
            ConfigurationError, match=f"metanetwork: {name} reads networks.*there are 2 .*use scalegmn"
        ):
            make_metanetwork(configured(name), architectures=[ONE, OTHER], task=THREE_CLASSES)
        return
    if name in DETECTORS:
        model = make_metanetwork(configured(name), architectures=CLASSIFIERS, task=DETECTION)
    else:
        model = make_metanetwork(configured(name), architectures=[ONE, OTHER], task=THREE_CLASSES)
    assert isinstance(model, Predictor)


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_refuse_other_tasks(name: str) -> None:
    config = configured(name)
    for task in (THREE_CLASSES, NUMBERS):
        with pytest.raises(
            ConfigurationError, match=f"metanetwork: {name} .*the task asks for something else"
        ):
            make_metanetwork(config, architectures=CLASSIFIERS, task=task)


def test_same_shapes_are_one_layout() -> None:
    """Other frequencies are another architecture with the same parameters."""
    check_layout([ONE, siren(widths=(2, 4, 4, 1), frequency=10.0)], reader="flat_mlp")
    with pytest.raises(ConfigurationError, match=r"data\.where"):
        check_layout([ONE, OTHER], reader="flat_mlp")


@pytest.mark.parametrize("name", LEARNERS)
def test_saved_models_come_back(name: str, tmp_path: Path) -> None:
    model = make_metanetwork(configured(name), architectures=[ONE], task=THREE_CLASSES)
    model.fit_scale(batch_of(ONE))
    model.eval().save_pretrained(tmp_path / "model")
    back = load_metanetwork(tmp_path / "model")
    assert type(back) is type(model) and not back.training
    assert isinstance(back, Predictor) and isinstance(model, Predictor)
    with torch.no_grad():
        assert torch.equal(back.predict(batch_of(ONE)), model.predict(batch_of(ONE)))


def test_models_of_an_unknown_class_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        load_metanetwork(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model": "Oracle"}))
    with pytest.raises(ConfigurationError, match=r"model is 'Oracle', expected one of ScaleGMN, .*"):
        load_metanetwork(tmp_path)
