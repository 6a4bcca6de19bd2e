from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models.baselines import BoostingConfig, FeatureBoosting, OutputType
from scalegmn.models.baselines.features import FeaturesConfig, LastLayerFeatures, StatNNFeatures
from tests.models.baselines.networks import DEEPER, PERMUTATIONS, SIREN, ZOO, batch_of, transformed

READ = FeaturesConfig()
CONFIG = BoostingConfig(iterations=30, learning_rate=0.2, networks_in_leaf=3)
MIXED = (SIREN, ZOO)


def training() -> tuple[Any, Tensor]:
    """Networks, and how large their first weights are, between 0 and 1."""
    batch = batch_of(*MIXED, count=60, dtype=torch.float32)
    sizes = torch.cat([theta[:, :10].square().mean(1) for _, theta in batch.parts])
    return batch, sizes / (1 + sizes)


def model(kind: OutputType, *, outputs: int = 1, seed: int = 0) -> FeatureBoosting:
    return FeatureBoosting(
        feature_set=StatNNFeatures.from_architectures(MIXED, config=READ),
        outputs=outputs,
        kind=kind,
        config=CONFIG,
        seed=seed,
    )


def fitted(kind: OutputType, *, seed: int = 0) -> FeatureBoosting:
    batch, targets = training()
    judge = model(kind, seed=seed)
    judge.fit(judge.compute_features(batch), targets)
    return judge


def test_values_are_learned() -> None:
    batch, targets = training()
    answers = fitted(OutputType.value).predict(batch)
    assert answers.shape == (120, 1)
    assert answers.dtype == torch.float32
    error = (answers.squeeze(1) - targets).square().mean()
    assert error < 0.1 * targets.var()


def test_sigmoid_of_logits_are_the_values() -> None:
    batch, _ = training()
    value, logit = fitted(OutputType.value).predict(batch), fitted(OutputType.logit).predict(batch)
    assert torch.allclose(torch.sigmoid(logit), value.clamp(1e-7, 1 - 1e-7), atol=1e-6)
    assert not torch.allclose(logit, value)


def test_logits_of_impossible_predictions_are_finite() -> None:
    batch, targets = training()
    judge = model(OutputType.logit)
    judge.fit(judge.compute_features(batch), (targets > targets.median()).float())
    answers = judge.predict(batch)
    assert torch.isfinite(answers).all()
    assert answers.max() > 3
    assert answers.min() < -3


def test_classes_have_logarithms_of_probabilities() -> None:
    batch, targets = training()
    judge = model(OutputType.log_probability, outputs=4)
    classes = torch.bucketize(targets, targets.quantile(torch.tensor([0.3, 0.6])))
    # No training network is of class 2.
    classes = torch.where(classes == 2, 3, classes)
    judge.fit(judge.compute_features(batch), classes)
    answers = judge.predict(batch)
    assert torch.allclose(answers.exp().sum(1), torch.ones(120), atol=1e-5)
    assert (answers.argmax(1) == classes).float().mean() > 0.9
    assert torch.isfinite(answers).all()
    assert (answers[:, 2] < -15).all()


def test_permutations_change_nothing() -> None:
    judge = fitted(OutputType.value)
    batch, _ = training()
    # In float32 a sum in another order may differ; statistics of rounded parameters are summed in float64.
    batch = batch.double()
    assert torch.equal(judge.predict(batch), judge.predict(transformed(batch, PERMUTATIONS)))


def test_log_odds_are_those_of_the_probabilities() -> None:
    batch, targets = training()
    classes = (targets > targets.median()).long()
    answers = {}
    for kind, outputs in ((OutputType.log_odds, 1), (OutputType.log_probability, 2)):
        judge = model(kind, outputs=outputs)
        judge.fit(judge.compute_features(batch), classes)
        answers[kind] = judge.predict(batch)
    odds, logs = answers[OutputType.log_odds], answers[OutputType.log_probability]
    assert odds.shape == (120, 1)
    assert torch.allclose(torch.sigmoid(odds[:, 0]), logs[:, 1].exp(), atol=1e-5)
    assert ((odds[:, 0] > 0) == (classes == 1)).float().mean() > 0.9


@pytest.mark.parametrize("kind", [OutputType.logit, OutputType.log_odds, OutputType.log_probability])
def test_loaded_models_answer_the_same(tmp_path: Path, kind: OutputType) -> None:
    batch, targets = training()
    classes = kind.is_class
    judge = model(kind, outputs=2 if kind is OutputType.log_probability else 1, seed=2**40 + 3)
    judge.fit(judge.compute_features(batch), (targets > targets.median()).long() if classes else targets)
    judge.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    loaded = FeatureBoosting.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch), judge.predict(batch))
    assert (loaded.config, loaded.kind, loaded.seed) == (judge.config, judge.kind, judge.seed)
    assert loaded.feature_set == judge.feature_set


def test_other_features_are_read_too() -> None:
    batch = batch_of(ZOO, count=60, dtype=torch.float32)
    targets = torch.stack([theta[-1] for theta in batch.single[1]])
    judge = FeatureBoosting(
        feature_set=LastLayerFeatures.from_architectures([ZOO], config=READ),
        outputs=1,
        kind=OutputType.value,
        config=CONFIG,
    )
    judge.fit(judge.compute_features(batch), targets)
    # The bias of the last class is one of the features.
    assert (judge.predict(batch)[:, 0] - targets).square().mean() < 0.1 * targets.var()


def test_seeds_grow_other_trees() -> None:
    batch, _ = training()
    first, again, other = (fitted(OutputType.value, seed=seed).predict(batch) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_saved_configuration_must_fit(tmp_path: Path) -> None:
    fitted(OutputType.value).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"networks": 3}))
    with pytest.raises(CheckpointError, match="does not fit"):
        FeatureBoosting.from_pretrained(tmp_path)
    path.write_text(json.dumps(data | {"kind": "guess"}))
    with pytest.raises(ConfigurationError, match="guess"):
        FeatureBoosting.from_pretrained(tmp_path)


def test_unfitted_model_says_so(tmp_path: Path) -> None:
    judge = model(OutputType.value)
    judge.fit_scale(batch_of(ZOO))
    judge.save_pretrained(tmp_path)
    for unfitted in (judge, FeatureBoosting.from_pretrained(tmp_path)):
        with pytest.raises(ConfigurationError, match="not fitted"):
            unfitted.predict(batch_of(ZOO))


@pytest.mark.parametrize(
    ("kind", "targets", "match"),
    [
        (OutputType.value, [0.0, float("nan"), 1.0], "1 targets are NaN"),
        (OutputType.logit, [0.0, 1.5, 1.0], "have no logit"),
        (OutputType.log_odds, [0.0, 1.0, 2.0], "two or more of the 2 classes"),
        (OutputType.log_odds, [0.0, 0.0, 0.0], "two or more of the 2 classes"),
        (OutputType.log_probability, [0.0, 0.5, 1.0], "two or more of the 3 classes"),
        (OutputType.log_probability, [0.0, 1.0, 3.0], "two or more of the 3 classes"),
        (OutputType.log_probability, [1.0, 1.0, 1.0], "two or more of the 3 classes"),
        (OutputType.value, [0.0, 1.0], "for 2 targets"),
    ],
)
def test_impossible_targets_are_refused(kind: OutputType, targets: list[float], match: str) -> None:
    judge = model(kind, outputs=3 if kind is OutputType.log_probability else 1)
    with pytest.raises(ConfigurationError, match=match):
        judge.fit(judge.compute_features(batch_of(ZOO, count=3)), torch.tensor(targets))


def test_outputs_must_fit_the_kind() -> None:
    with pytest.raises(ConfigurationError, match="2 outputs for predictions of kind 'logit', expected 1"):
        model(OutputType.logit, outputs=2)
    with pytest.raises(ConfigurationError, match="one for each class"):
        model(OutputType.log_probability, outputs=1)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ConfigurationError, match=r"scikit-learn.*not installed"):
        fitted(OutputType.value)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"BoostingConfig: iterations is 0.*learning_rate.*leaves is 1"
    ):
        BoostingConfig(iterations=0, leaves=1, learning_rate=0.0)
    with pytest.raises(ConfigurationError, match=r"l2 is -1.0.*features_per_split is 0.0"):
        BoostingConfig(l2=-1.0, features_per_split=0.0)


def test_deeper_networks_may_be_read_when_asked_for() -> None:
    judge = FeatureBoosting(
        feature_set=StatNNFeatures.from_architectures((ZOO, DEEPER), config=READ),
        outputs=1,
        kind=OutputType.value,
        config=CONFIG,
    )
    assert judge.compute_features(batch_of(ZOO, DEEPER)).shape == (8, 75)
