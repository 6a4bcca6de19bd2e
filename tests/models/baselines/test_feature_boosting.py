from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models.baselines import AnswerKind, BoostingConfig, FeatureBoosting
from scalegmn.models.baselines.features._last_layer import LastLayerFeatures
from scalegmn.models.baselines.features._statnn import StatNNFeatures
from tests.models.baselines.networks import DEEPER, PERMUTATIONS, SIREN, ZOO, batch_of, transformed

CONFIG = BoostingConfig(iterations=30, learning_rate=0.2, networks_in_leaf=3)
MIXED = (SIREN, ZOO)


def training() -> tuple[Any, Tensor]:
    """Networks, and how large their first weights are, between 0 and 1."""
    batch = batch_of(*MIXED, count=60, dtype=torch.float32)
    sizes = torch.cat([theta[:, :10].square().mean(1) for _, theta in batch.parts])
    return batch, sizes / (1 + sizes)


def model(kind: AnswerKind, *, outputs: int = 1, seed: int = 0) -> FeatureBoosting:
    return FeatureBoosting(
        read_by=StatNNFeatures.of(MIXED), outputs=outputs, kind=kind, config=CONFIG, seed=seed
    )


def fitted(kind: AnswerKind, *, seed: int = 0) -> FeatureBoosting:
    batch, targets = training()
    judge = model(kind, seed=seed)
    judge.fit(judge.read(batch), targets)
    return judge


def test_values_are_learned() -> None:
    batch, targets = training()
    answers = fitted(AnswerKind.value).answer(batch)
    assert answers.shape == (120, 1)
    assert answers.dtype == torch.float32
    error = (answers.squeeze(1) - targets).square().mean()
    assert error < 0.1 * targets.var()


def test_sigmoid_of_logits_are_the_values() -> None:
    batch, _ = training()
    value, logit = fitted(AnswerKind.value).answer(batch), fitted(AnswerKind.logit).answer(batch)
    assert torch.allclose(torch.sigmoid(logit), value.clamp(1e-7, 1 - 1e-7), atol=1e-6)
    assert not torch.allclose(logit, value)


def test_logits_of_impossible_predictions_are_finite() -> None:
    batch, targets = training()
    judge = model(AnswerKind.logit)
    judge.fit(judge.read(batch), (targets > targets.median()).float())
    answers = judge.answer(batch)
    assert torch.isfinite(answers).all()
    assert answers.max() > 3
    assert answers.min() < -3


def test_classes_have_logarithms_of_probabilities() -> None:
    batch, targets = training()
    judge = model(AnswerKind.log_probability, outputs=4)
    classes = torch.bucketize(targets, targets.quantile(torch.tensor([0.3, 0.6])))
    # No training network is of class 2.
    classes = torch.where(classes == 2, 3, classes)
    judge.fit(judge.read(batch), classes)
    answers = judge.answer(batch)
    assert torch.allclose(answers.exp().sum(1), torch.ones(120), atol=1e-5)
    assert (answers.argmax(1) == classes).float().mean() > 0.9
    assert torch.isfinite(answers).all()
    assert (answers[:, 2] < -15).all()


def test_permutations_change_nothing() -> None:
    judge = fitted(AnswerKind.value)
    batch, _ = training()
    # In float32 a sum in another order may differ; statistics of rounded parameters are summed in float64.
    batch = batch.double()
    assert torch.equal(judge.answer(batch), judge.answer(transformed(batch, PERMUTATIONS)))


def test_log_odds_are_those_of_the_probabilities() -> None:
    batch, targets = training()
    classes = (targets > targets.median()).long()
    answers = {}
    for kind, outputs in ((AnswerKind.log_odds, 1), (AnswerKind.log_probability, 2)):
        judge = model(kind, outputs=outputs)
        judge.fit(judge.read(batch), classes)
        answers[kind] = judge.answer(batch)
    odds, logs = answers[AnswerKind.log_odds], answers[AnswerKind.log_probability]
    assert odds.shape == (120, 1)
    assert torch.allclose(torch.sigmoid(odds[:, 0]), logs[:, 1].exp(), atol=1e-5)
    assert ((odds[:, 0] > 0) == (classes == 1)).float().mean() > 0.9


@pytest.mark.parametrize("kind", [AnswerKind.logit, AnswerKind.log_odds, AnswerKind.log_probability])
def test_loaded_model_grows_the_same_trees(tmp_path: Path, kind: AnswerKind) -> None:
    batch, targets = training()
    classes = kind.is_class
    judge = model(kind, outputs=2 if kind is AnswerKind.log_probability else 1, seed=2**40 + 3)
    judge.fit(judge.read(batch), (targets > targets.median()).long() if classes else targets)
    judge.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    loaded = FeatureBoosting.from_pretrained(tmp_path)
    assert torch.equal(loaded.answer(batch), judge.answer(batch))
    assert (loaded.config, loaded.kind, loaded.seed) == (judge.config, judge.kind, judge.seed)
    assert loaded.read_by == judge.read_by


def test_other_features_are_read_too() -> None:
    batch = batch_of(ZOO, count=60, dtype=torch.float32)
    targets = torch.stack([theta[-1] for theta in batch.single[1]])
    judge = FeatureBoosting(
        read_by=LastLayerFeatures.of([ZOO]), outputs=1, kind=AnswerKind.value, config=CONFIG
    )
    judge.fit(judge.read(batch), targets)
    # The bias of the last class is one of the features.
    assert (judge.answer(batch)[:, 0] - targets).square().mean() < 0.1 * targets.var()


def test_seeds_grow_other_trees() -> None:
    batch, _ = training()
    first, again, other = (fitted(AnswerKind.value, seed=seed).answer(batch) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_saved_configuration_must_fit(tmp_path: Path) -> None:
    fitted(AnswerKind.value).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"networks": 3}))
    with pytest.raises(CheckpointError, match="does not fit"):
        FeatureBoosting.from_pretrained(tmp_path)
    path.write_text(json.dumps(data | {"kind": "guess"}))
    with pytest.raises(ConfigurationError, match="guess"):
        FeatureBoosting.from_pretrained(tmp_path)


def test_unfitted_model_says_so(tmp_path: Path) -> None:
    judge = model(AnswerKind.value)
    judge.fit_scale(batch_of(ZOO))
    judge.save_pretrained(tmp_path)
    for unfitted in (judge, FeatureBoosting.from_pretrained(tmp_path)):
        with pytest.raises(ConfigurationError, match="not fitted"):
            unfitted.answer(batch_of(ZOO))


@pytest.mark.parametrize(
    ("kind", "targets", "match"),
    [
        (AnswerKind.value, [0.0, float("nan"), 1.0], "1 targets are NaN"),
        (AnswerKind.logit, [0.0, 1.5, 1.0], "have no logit"),
        (AnswerKind.log_odds, [0.0, 1.0, 2.0], "two or more of the 2 classes"),
        (AnswerKind.log_odds, [0.0, 0.0, 0.0], "two or more of the 2 classes"),
        (AnswerKind.log_probability, [0.0, 0.5, 1.0], "two or more of the 3 classes"),
        (AnswerKind.log_probability, [0.0, 1.0, 3.0], "two or more of the 3 classes"),
        (AnswerKind.log_probability, [1.0, 1.0, 1.0], "two or more of the 3 classes"),
        (AnswerKind.value, [0.0, 1.0], "for 2 targets"),
    ],
)
def test_impossible_targets_are_refused(kind: AnswerKind, targets: list[float], match: str) -> None:
    judge = model(kind, outputs=3 if kind is AnswerKind.log_probability else 1)
    with pytest.raises(ConfigurationError, match=match):
        judge.fit(judge.read(batch_of(ZOO, count=3)), torch.tensor(targets))


def test_outputs_must_fit_the_kind() -> None:
    with pytest.raises(ConfigurationError, match="2 outputs for answers of kind 'logit', expected 1"):
        model(AnswerKind.logit, outputs=2)
    with pytest.raises(ConfigurationError, match="one for each class"):
        model(AnswerKind.log_probability, outputs=1)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ConfigurationError, match=r"scikit-learn.*not installed"):
        fitted(AnswerKind.value)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"BoostingConfig: iterations is 0.*learning_rate.*leaves is 1"
    ):
        BoostingConfig(iterations=0, leaves=1, learning_rate=0.0)
    with pytest.raises(ConfigurationError, match=r"l2 is -1.0.*features_per_split is 0.0"):
        BoostingConfig(l2=-1.0, features_per_split=0.0)


def test_deeper_networks_may_be_read_when_asked_for() -> None:
    judge = FeatureBoosting(
        read_by=StatNNFeatures.of((ZOO, DEEPER)), outputs=1, kind=AnswerKind.value, config=CONFIG
    )
    assert judge.read(batch_of(ZOO, DEEPER)).shape == (8, 75)
