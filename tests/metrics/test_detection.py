from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import (
    DetectionAUROC,
    auroc,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    rate_at,
    roc_points,
)


def cases(count: int = 60, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and scores with many ties."""
    random = np.random.default_rng(seed)
    truth = random.integers(2, size=count)
    return truth, np.round(truth + random.normal(scale=1.5, size=count))


def area_by_hand(truth: np.ndarray, scores: np.ndarray) -> float:
    pairs = [(p, n) for p in scores[truth == 1] for n in scores[truth == 0]]
    return float(np.mean([1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs]))


@pytest.mark.parametrize("seed", range(5))
def test_area_counts_pairs_and_halves_of_ties(seed: int) -> None:
    truth, scores = cases(seed=seed)
    found = auroc(truth, scores)
    assert found == pytest.approx(area_by_hand(truth, scores), abs=1e-15)
    assert found == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    # Each network counts as often as a bootstrap draws it.
    rows = np.random.default_rng(seed).integers(len(truth), size=80)
    assert auroc(truth[rows], scores[rows]) == pytest.approx(
        area_by_hand(truth[rows], scores[rows]), abs=1e-15
    )


def test_area_of_extremes() -> None:
    truth = np.array([0, 0, 1, 1])
    assert auroc(truth, np.array([1.0, 2.0, 3.0, 4.0])) == 1
    assert auroc(truth, np.array([4.0, 3.0, 2.0, 1.0])) == 0
    assert auroc(truth, np.zeros(4)) == 0.5
    # Scores whose probabilities are the same in any floating point format still have their order.
    assert auroc(truth, np.array([1e3, 2e3, 3e3, 4e3])) == 1
    assert auroc(np.ones(3), np.arange(3.0)) is None
    assert rate_at(np.zeros(3), np.arange(3.0), false_positives=0.1) is None
    assert roc_points(np.zeros(3), np.arange(3.0)) is None


@pytest.mark.parametrize("seed", range(3))
def test_points_are_those_of_scikit_learn(seed: int) -> None:
    truth, scores = cases(seed=seed)
    points = roc_points(truth, scores)
    assert points is not None
    expected = np.stack(roc_curve(truth, scores, drop_intermediate=False), axis=1)
    np.testing.assert_allclose(points, expected)
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(auroc(truth, scores))


@pytest.mark.parametrize("allowed", [0.0, 0.01, 0.05, 0.1, 0.5, 0.99, 1.0])
def test_rates_are_the_best_points_of_the_curve(allowed: float) -> None:
    for seed in range(5):
        truth, scores = cases(count=100, seed=seed)
        points = roc_points(truth, scores)
        assert points is not None
        best = points[points[:, 0] <= allowed + 1e-12, 1].max()
        assert rate_at(truth, scores, false_positives=allowed) == pytest.approx(best)


def test_a_share_of_clean_networks_is_not_lost_to_rounding() -> None:
    """5 % of 20 is 1, and 0.05 * 20 need not be."""
    truth = np.array([0] * 20 + [1] * 2)
    scores = np.array([*range(19), 30, 25, 40], float)
    assert rate_at(truth, scores, false_positives=0.05) == 1.0
    assert rate_at(truth, scores, false_positives=0.049) == 0.5


def test_calibration() -> None:
    truth = np.array([1, 0, 1, 1, 0])
    probabilities = np.array([0.1, 0.1, 0.9, 1.0, 0.0])
    bins = calibration_bins(truth, probabilities, bins=5)
    np.testing.assert_allclose(bins[:, 0], [0, 0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(bins[:, 1], [3, 0, 0, 0, 2])
    np.testing.assert_allclose(bins[[0, 4], 2:], [[0.2 / 3, 1 / 3], [0.95, 1.0]])
    assert np.isnan(bins[1:4, 2:]).all()
    # 3/5 of |0.0667 - 0.3333| and 2/5 of |0.95 - 1|.
    assert expected_calibration_error(bins) == pytest.approx(0.6 * 0.8 / 3 + 0.4 * 0.05)
    assert brier_score(truth, probabilities) == pytest.approx((0.81 + 0.01 + 0.01 + 0 + 0) / 5)


def test_bins_hold_their_lower_ends() -> None:
    bins = calibration_bins(np.ones(3), np.array([0.2, 0.4, 1.0]), bins=5)
    assert bins[:, 1].tolist() == [0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("truth", "scores", "match"),
    [
        (np.array([0, 1]), np.zeros(3), "one of each per"),
        (np.array([0, 2]), np.zeros(2), "truth holds 2"),
        (np.array([0, 1]), np.array([0.0, np.nan]), "1 scores are NaN"),
    ],
)
def test_what_cannot_be_ordered_is_refused(truth: np.ndarray, scores: np.ndarray, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        auroc(truth, scores)


def test_metric_gathers_batches() -> None:
    truth, scores = cases()
    metric = DetectionAUROC()
    outputs = torch.from_numpy(np.stack([scores, -scores], axis=1))
    for part in (slice(0, 7), slice(7, 60)):
        metric.update(outputs[part], torch.from_numpy(truth)[part])
    assert float(metric.compute()) == pytest.approx(area_by_hand(truth, scores), abs=1e-6)
    metric.reset()
    metric.update(outputs[:2], torch.tensor([1, 1]))
    assert float(metric.compute()) == 0.5
    metric.update(torch.tensor([[float("nan")]]), torch.tensor([0]))
    assert torch.isnan(metric.compute())
