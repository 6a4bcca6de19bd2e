from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.detection import sigmoid
from scalegmn.trojans.detection._calibration import (
    CalibrationMethod,
    Isotonic,
    Temperature,
    calibrator_from_dict,
    cross_validated_log_loss,
    fit_calibrator,
    fit_isotonic,
    fit_temperature,
    log_loss,
    with_prior,
)


def drawn(
    count: int, *, temperature: float, intercept: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a detector whose true log odds are ``logit / temperature + intercept``, and labels."""
    rng = np.random.default_rng(seed)
    logits = 4 * rng.normal(size=count)
    return logits, rng.random(count) < sigmoid(logits / temperature + intercept)


def test_temperature_and_intercept_are_found_again() -> None:
    logits, labels = drawn(40000, temperature=2.5, intercept=0.7)
    found = fit_temperature(logits, labels)
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert found.intercept == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize(("scale", "shift"), [(1e-4, 0.0), (1e3, 0.0), (0.01, 50.0)])
def test_the_unit_and_the_zero_of_logits_do_not_matter(scale: float, shift: float) -> None:
    logits, labels = drawn(2000, temperature=2.0, intercept=0.5)
    moved = logits * scale + shift
    one, other = fit_temperature(logits, labels), fit_temperature(moved, labels)
    assert other.log_odds(moved) == pytest.approx(one.log_odds(logits), abs=1e-3)


def test_a_blind_detector_gets_the_prior() -> None:
    for logits in (np.zeros(40), np.tile([-1.0, 1.0], 20)):
        found = fit_temperature(logits, np.arange(40) % 4 < 2)
        assert found.probabilities(logits) == pytest.approx(np.full(40, 0.5), abs=0.01)


def test_perfect_detectors_get_finite_odds() -> None:
    logits = np.array([-5.0, -4, -3, 3, 4, 5])
    found = fit_temperature(logits, logits > 0)
    # With 3 and 3 networks the softened targets are 4/5 and 1/5.
    assert found.probabilities(logits).max() < 0.9
    assert found.probabilities(logits).min() > 0.1


def test_calibration_never_turns_the_order_around() -> None:
    logits, labels = drawn(500, temperature=1.0, intercept=0.0)
    for calibrator in (fit_temperature(-logits, labels), fit_isotonic(-logits, labels)):
        assert (np.diff(calibrator.log_odds(np.linspace(-9, 9, 50))) >= 0).all()


def test_isotonic_follows_a_curve_and_stays_away_from_certainty() -> None:
    logits, labels = drawn(20000, temperature=1.0, intercept=0.0)
    found = fit_isotonic(logits**3, labels)
    places = np.array([-1.0, 0.0, 1.0])
    assert found.probabilities(places**3) == pytest.approx(sigmoid(places), abs=0.05)
    ends = found.probabilities(np.array([-1e9, 1e9]))
    assert ends[0] >= 1 / 20002 and ends[1] <= 20001 / 20002


def test_best_takes_the_curve_only_where_it_is_better() -> None:
    logits, labels = drawn(4000, temperature=1.0, intercept=0.0)
    best = CalibrationMethod.best
    assert isinstance(fit_calibrator(np.sign(logits) * np.exp(np.abs(logits)), labels, method=best), Isotonic)
    few = drawn(100, temperature=8.0, intercept=0.0)
    assert isinstance(fit_calibrator(*few, method=best), Temperature)
    assert isinstance(fit_calibrator(logits, labels), Temperature)


def test_groups_are_left_out_together() -> None:
    # Every network twice: with its copy left out, the curve cannot know it.
    logits, labels = drawn(60, temperature=1.0, intercept=0.0)
    twice, own = np.repeat(logits, 2), np.repeat(labels, 2)
    isotonic = CalibrationMethod.isotonic
    apart = cross_validated_log_loss(isotonic, twice, own, groups=np.repeat(np.arange(60), 2))
    mixed = cross_validated_log_loss(isotonic, twice, own)
    assert apart > mixed


@pytest.mark.parametrize("calibrator", [Temperature(2.0, -1.0), Isotonic((-1.0, 0.5), (0.2, 0.7))])
def test_plain_data_and_back(calibrator: Temperature | Isotonic) -> None:
    assert calibrator_from_dict(calibrator.to_dict()) == calibrator


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"method": "guess"},
        {"method": "best"},
        {"method": "temperature", "temperature": -1, "intercept": 0},
        {"method": "temperature", "temperature": 1, "intercept": float("nan")},
        {"method": "isotonic", "knots": []},
        {"method": "isotonic", "knots": [[0, 0.5], [0, 0.6]]},
        {"method": "isotonic", "knots": [[0, 0.6], [1, 0.5]]},
        {"method": "isotonic", "knots": [[0, 0.0], [1, 0.5]]},
    ],
)
def test_wrong_data_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        calibrator_from_dict(data)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [([1.0, 2.0], [1, 1]), ([1.0, 2.0], [0, 0]), ([1.0, np.nan], [0, 1]), ([1.0], [0, 1])],
)
def test_networks_of_one_kind_or_broken_logits_are_refused(logits: list[float], labels: list[int]) -> None:
    for fit in (fit_temperature, fit_isotonic):
        with pytest.raises(ConfigurationError):
            fit(np.array(logits), np.array(labels))


def test_another_prior_multiplies_the_odds() -> None:
    # Odds of 1 at a prior of one half; at a tenth the odds are a ninth.
    assert sigmoid(with_prior(np.zeros(1), before=0.5, after=0.1)) == pytest.approx(0.1)
    odds = np.array([-3.0, 2.0])
    there = with_prior(odds, before=0.3, after=0.01)
    assert with_prior(there, before=0.01, after=0.3) == pytest.approx(odds)


def test_log_loss_by_hand() -> None:
    odds = np.log(np.array([3.0, 3.0]))
    assert log_loss(odds, np.array([1, 0])) == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    assert sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
