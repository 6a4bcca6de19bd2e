from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import FeatureLogistic, LogisticConfig, OutputType
from scalegmn.models.baselines.features import FeaturesConfig, FlatFeatures, StatNNFeatures
from tests.models.baselines.networks import PERMUTATIONS, SIREN, ZOO, batch_of, transformed

READ = FeaturesConfig()
MIXED = (SIREN, ZOO)


def training() -> tuple[NetworkBatch, Tensor]:
    """Networks, and in which third of sizes their first weights are."""
    batch = batch_of(*MIXED, count=60, dtype=torch.float32)
    sizes = torch.cat([theta[:, :10].square().mean(1) for _, theta in batch.parts])
    return batch, torch.bucketize(sizes, sizes.quantile(torch.tensor([1 / 3, 2 / 3])))


def model(kind: OutputType, *, outputs: int = 1, c: float = 1.0) -> FeatureLogistic:
    return FeatureLogistic(
        feature_set=StatNNFeatures.from_architectures(MIXED, config=READ),
        outputs=outputs,
        kind=kind,
        config=LogisticConfig(c=c),
    )


def fitted(kind: OutputType = OutputType.log_odds, *, outputs: int = 1, c: float = 1.0) -> FeatureLogistic:
    batch, classes = training()
    judge = model(kind, outputs=outputs, c=c)
    judge.fit(judge.compute_features(batch), (classes > 0).long() if kind is OutputType.log_odds else classes)
    return judge


def expected(classes: np.ndarray, c: float = 1.0) -> tuple[LogisticRegression, np.ndarray]:
    """The same by scikit-learn, on features that numpy standardizes."""
    features = StatNNFeatures.from_architectures(MIXED, config=READ).compute(training()[0]).double().numpy()
    deviation = features.std(0)
    rows = (features - features.mean(0)) / np.where(deviation > 1e-9, deviation, 1)
    return LogisticRegression(C=c, max_iter=2000).fit(rows, classes), rows


def test_answers_are_the_log_odds() -> None:
    batch, classes = training()
    answers = fitted().predict(batch)
    assert answers.shape == (120, 1) and answers.dtype == torch.float32
    solver, rows = expected((classes > 0).long().numpy())
    np.testing.assert_allclose(answers[:, 0], solver.decision_function(rows), atol=2e-2)
    assert ((answers[:, 0] > 0) == (classes > 0)).float().mean() > 0.85


@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2)])
def test_classes_have_logarithms_of_probabilities(present: tuple[int, ...]) -> None:
    batch, classes = training()
    classes = classes if len(present) == 3 else 2 * (classes > 0).long()
    judge = model(OutputType.log_probability, outputs=4)
    judge.fit(judge.compute_features(batch), classes)
    answers = judge.predict(batch)
    solver, rows = expected(classes.numpy())
    np.testing.assert_allclose(answers[:, list(present)].exp(), solver.predict_proba(rows), atol=5e-3)
    absent = [n for n in range(4) if n not in present]
    assert torch.isfinite(answers).all() and (answers[:, absent] < -15).all()


def test_penalties_make_coefficients_small() -> None:
    sizes = [float(fitted(c=c).coefficients.norm()) for c in (1e-4, 1e-2, 1.0)]
    assert sizes[0] < 0.3 * sizes[1] < 0.1 * sizes[2]


def test_permutations_change_nothing() -> None:
    judge = fitted().double()
    batch = training()[0].double()
    moved = transformed(batch, PERMUTATIONS)
    torch.testing.assert_close(judge.predict(batch), judge.predict(moved), rtol=1e-9, atol=1e-9)
    plain = FeatureLogistic(
        feature_set=FlatFeatures.from_architectures([ZOO], config=READ),
        outputs=1,
        kind=OutputType.log_odds,
        config=LogisticConfig(),
    ).double()
    one = batch_of(ZOO, count=30)
    plain.fit(plain.compute_features(one), torch.arange(30) % 2)
    assert (plain.predict(one) - plain.predict(transformed(one, PERMUTATIONS))).abs().max() > 0.1


@pytest.mark.parametrize(("kind", "outputs"), [(OutputType.log_odds, 1), (OutputType.log_probability, 3)])
def test_loaded_models_answer_the_same(tmp_path: Path, kind: OutputType, outputs: int) -> None:
    judge = fitted(kind, outputs=outputs)
    judge.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    loaded = FeatureLogistic.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(training()[0]), judge.predict(training()[0]))
    assert (loaded.config, loaded.kind, loaded.feature_set) == (judge.config, judge.kind, judge.feature_set)


def test_unfitted_model_says_so() -> None:
    judge = model(OutputType.log_odds)
    judge.fit_scale(batch_of(ZOO))
    with pytest.raises(ConfigurationError, match="not fitted"):
        judge.predict(batch_of(ZOO))


@pytest.mark.parametrize(
    ("targets", "match"),
    [([0, 0, 0], "two or more of the 2 classes"), ([0, 1, 2], "of the 2 classes"), ([0, 1], "for 2 targets")],
)
def test_impossible_targets_are_refused(targets: list[int], match: str) -> None:
    judge = model(OutputType.log_odds)
    with pytest.raises(ConfigurationError, match=match):
        judge.fit(judge.compute_features(batch_of(ZOO, count=3)), torch.tensor(targets))


def test_diverged_networks_are_named() -> None:
    batch = batch_of(ZOO, count=4)
    theta = batch.single[1].clone()
    theta[1] = torch.nan
    judge = model(OutputType.log_odds)
    with pytest.raises(ConfigurationError, match="features are NaN or infinite; leave out networks"):
        judge.fit(judge.compute_features(batch.with_theta([theta])), torch.tensor([0, 1, 0, 1]))


def test_numbers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'value' are numbers, expected classes"):
        model(OutputType.value)
    with pytest.raises(ConfigurationError, match="2 outputs for predictions of kind 'log_odds', expected 1"):
        model(OutputType.log_odds, outputs=2)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ConfigurationError, match=r"scikit-learn.*not installed"):
        fitted()


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"LogisticConfig: c is 0.0.*iterations is 0"):
        LogisticConfig(c=0.0, iterations=0)
