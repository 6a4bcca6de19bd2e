"""A detector without training, and the little that a training does to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from scalegmn.configuration import from_plain
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import AnomalyConfig, LastLayerAnomaly
from scalegmn.models.baselines._last_layer_anomaly import _auroc
from scalegmn.models.baselines.features import INDICATORS
from tests.models.baselines.networks import PERMUTATIONS, SCALES, SHALLOW, ZOO, batch_of, change, transformed

COUNT = 60


def networks() -> tuple[NetworkBatch, Tensor]:
    """Of half of them the bias of a class is larger than it was."""
    batch, trojaned = batch_of(ZOO, count=COUNT), torch.arange(COUNT) % 2
    theta = batch.single[1].clone()
    theta[trojaned == 1, ZOO.parameters[-1].start + 1] += 4.0
    return batch.with_theta([theta]), trojaned


def model(indicators: str = "all") -> LastLayerAnomaly:
    config = from_plain(AnomalyConfig, {"indicators": indicators})
    return LastLayerAnomaly(classes=4, config=config).double()


def fitted(indicators: str = "all") -> LastLayerAnomaly:
    batch, trojaned = networks()
    detector = model(indicators)
    detector.fit(detector.compute_features(batch), trojaned)
    return detector


def test_score_is_the_largest_mean_of_z_scores() -> None:
    batch, _ = networks()
    detector = model()
    scores = detector.feature_set.z_scores(batch).abs().mean(1).amax(1)
    assert scores.std() > 0.1
    torch.testing.assert_close(detector.predict(batch)[:, 0], scores.asinh())


def test_fit_sets_the_unit_and_no_order() -> None:
    batch, trojaned = networks()
    before, after = model().predict(batch)[:, 0], fitted().predict(batch)[:, 0]
    assert torch.equal(before.argsort(), after.argsort())
    assert abs(float(after.mean())) < 1e-9 and float(after.std(correction=0)) == pytest.approx(1)
    # Labels do not matter, as long as all indicators are combined.
    turned = model()
    turned.fit(turned.compute_features(batch), 1 - trojaned)
    assert torch.equal(turned.predict(batch)[:, 0], after)


def test_selected_indicators_are_those_that_tell_training_networks_apart() -> None:
    batch, trojaned = networks()
    detector = fitted("selected")
    chosen = dict(zip(INDICATORS, detector.directions.tolist(), strict=True))
    # The largest bias is what tells them apart, and no smallest one.
    assert chosen["bias"] == 1 and 0 in chosen.values()
    areas = [roc_auc_score(trojaned, one.predict(batch)[:, 0]) for one in (detector, fitted())]
    assert areas[0] > areas[1] + 0.05
    scores = detector.feature_set.z_scores(batch)
    used = detector.directions != 0
    expected = (scores * detector.directions[:, None])[:, used].mean(1).amax(1)
    assert torch.equal(expected.argsort(), detector.predict(batch)[:, 0].argsort())


def test_selection_goes_on_as_long_as_it_pays() -> None:
    detector = model("selected")
    # Of class 1 the second indicator is high and the third one low, in other networks each; no single one
    # tells all of them apart.
    scores = torch.zeros(6, len(INDICATORS), 4, dtype=torch.float64)
    scores[:2, 1, 1], scores[1:3, 2, 1] = 3.0, -3.0
    detector.fit(scores.flatten(1), torch.tensor([1, 1, 1, 0, 0, 0]))
    assert detector.directions.tolist() == [0, 1, -1, 0, 0, 0, 0, 0]


def test_areas_are_those_of_scikit_learn() -> None:
    scores = torch.tensor([0.0, 1.0, 1.0, 2.0, 2.0, 5.0, 1.0])
    labels = torch.tensor([0, 0, 1, 1, 0, 1, 0])
    assert float(_auroc(scores, labels > 0)) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize("indicators", ["all", "selected"])
def test_permutations_change_nothing_and_scales_do(indicators: str) -> None:
    batch, _ = networks()
    detector = fitted(indicators)
    assert change(detector, batch, transformed(batch, PERMUTATIONS)) < 1e-9
    assert change(model(), batch, transformed(batch, SCALES)) > 0.1


def test_loaded_models_answer_the_same(tmp_path: Path) -> None:
    detector = fitted("selected")
    detector.save_pretrained(tmp_path)
    loaded = LastLayerAnomaly.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(networks()[0]), detector.predict(networks()[0]))
    assert loaded.config == detector.config


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 outputs, expected at least 3 classes"):
        LastLayerAnomaly(classes=2, config=AnomalyConfig())
    with pytest.raises(GraphError, match="2 outputs, but the model was made for 4"):
        model().predict(batch_of(SHALLOW))
    detector = model()
    with pytest.raises(ConfigurationError, match=r"anomaly: .*features are NaN or infinite"):
        detector.fit(torch.full((2, 32), np.nan), torch.tensor([0, 1]))
    with pytest.raises(ConfigurationError, match="two or more of the 2 classes"):
        detector.fit(torch.zeros(2, 32), torch.tensor([1, 1]))
    with pytest.raises(ConfigurationError, match="indicators is 'some'"):
        from_plain(AnomalyConfig, {"indicators": "some"})
