from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import (
    BoostingConfig,
    FeatureAverage,
    FeatureBoosting,
    FeatureLogistic,
    LogisticConfig,
    OutputType,
)
from scalegmn.models.baselines.features import FeaturesConfig, StatNNFeatures
from tests.models.baselines.networks import PERMUTATIONS, SIREN, ZOO, batch_of, transformed

MIXED = (SIREN, ZOO)
READ = StatNNFeatures.from_architectures(MIXED, config=FeaturesConfig())
BOOSTING = BoostingConfig(iterations=10, learning_rate=0.2, networks_in_leaf=3)
LOGISTIC = LogisticConfig(c=0.1)
KINDS = [(OutputType.log_odds, 1), (OutputType.log_probability, 3)]


def training(kind: OutputType) -> tuple[NetworkBatch, Tensor]:
    batch = batch_of(*MIXED, count=40)
    sizes = torch.cat([theta[:, :10].square().mean(1) for _, theta in batch.parts])
    thirds = torch.bucketize(sizes, sizes.quantile(torch.tensor([1 / 3, 2 / 3]).to(sizes)))
    return batch, (thirds > 0).long() if kind is OutputType.log_odds else thirds


def model(kind: OutputType, *, outputs: int = 1) -> FeatureAverage:
    return FeatureAverage(
        feature_set=READ, outputs=outputs, kind=kind, boosting=BOOSTING, logistic=LOGISTIC, seed=5
    ).double()


def fitted(kind: OutputType, *, outputs: int = 1) -> FeatureAverage:
    batch, classes = training(kind)
    judge = model(kind, outputs=outputs)
    judge.fit(judge.compute_features(batch), classes)
    return judge


@pytest.mark.parametrize(("kind", "outputs"), KINDS)
def test_answers_are_the_mean_of_both(kind: OutputType, outputs: int) -> None:
    batch, classes = training(kind)
    answers = fitted(kind, outputs=outputs).predict(batch)
    parts = (
        FeatureBoosting(feature_set=READ, outputs=outputs, kind=kind, config=BOOSTING, seed=5),
        FeatureLogistic(feature_set=READ, outputs=outputs, kind=kind, config=LOGISTIC).double(),
    )
    for part in parts:
        part.fit(part.compute_features(batch), classes)
    boosting, logistic = (part.predict(batch) for part in parts)
    assert (boosting - logistic).abs().max() > 0.1
    if kind is OutputType.log_odds:
        torch.testing.assert_close(answers, (boosting + logistic) / 2, rtol=1e-9, atol=1e-9)
    else:
        product = (boosting.exp() * logistic.exp()).sqrt()
        expected = product / product.sum(1, keepdim=True)
        torch.testing.assert_close(answers.exp(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kind", "outputs"), KINDS)
def test_loaded_models_answer_the_same(tmp_path: Path, kind: OutputType, outputs: int) -> None:
    batch, judge = training(kind)[0], fitted(kind, outputs=outputs)
    for one in (judge, judge.float()):
        expected = one.predict(batch)
        one.save_pretrained(tmp_path)
        loaded = FeatureAverage.from_pretrained(tmp_path)
        assert torch.equal(loaded.predict(batch), expected)
        assert (loaded.to_config(), loaded.kind) == (one.to_config(), kind)


def test_permutations_change_nothing() -> None:
    batch, judge = training(OutputType.log_odds)[0], fitted(OutputType.log_odds)
    moved = judge.predict(transformed(batch, PERMUTATIONS))
    torch.testing.assert_close(judge.predict(batch), moved, rtol=1e-9, atol=1e-9)


def test_networks_without_features_have_no_answer() -> None:
    batch = batch_of(ZOO, count=3)
    theta = batch.single[1].clone()
    theta[1] = torch.nan
    answers = fitted(OutputType.log_odds).predict(batch.with_theta([theta]))
    assert answers.isnan().flatten().tolist() == [False, True, False]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'value' are numbers, expected classes"):
        model(OutputType.value)
    with pytest.raises(ConfigurationError, match="not fitted"):
        model(OutputType.log_odds).predict(batch_of(ZOO))
    judge = model(OutputType.log_odds)
    with pytest.raises(ConfigurationError, match="two or more of the 2 classes"):
        judge.fit(judge.compute_features(batch_of(ZOO, count=3)), torch.zeros(3))
