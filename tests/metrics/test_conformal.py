from __future__ import annotations

import numpy as np
import pytest

from scalegmn.metrics import (
    conformal_p_values,
    fewest_errors,
    interval_radius,
    smallest_p_value,
    upper_quantile,
)
from scalegmn.metrics._conformal import conformal_rank


def test_p_values_by_hand() -> None:
    clean = [-1.0, 0.0, 0.0, 2.0]
    found = conformal_p_values(np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]), clean)
    assert found.tolist() == [1.0, 1.0, 4 / 5, 2 / 5, 2 / 5, 1 / 5]
    assert smallest_p_value(4) == 1 / 5
    assert conformal_p_values(np.zeros(2), []).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_the_share_of_false_alarms_is_kept(level: float) -> None:
    rng = np.random.default_rng(0)
    alarms = [
        conformal_p_values(scores[:1], np.sort(scores[1:]))[0] <= level
        for scores in rng.standard_cauchy((4000, 40))
    ]
    # floor(41 * level) / 41 of them at most, and nearly so many.
    assert np.mean(alarms) <= level + 0.02
    assert np.mean(alarms) >= level - 0.04


def test_upper_quantile_by_hand() -> None:
    values = np.arange(1.0, 200.0)[::-1]
    assert upper_quantile(values, 0.995) == (199.0, 199)
    assert upper_quantile(np.arange(400.0), 0.995) == (398.0, 399)
    # Too few for the fraction: the largest.
    assert upper_quantile(np.array([3.0, 1.0]), 0.995) == (3.0, 2)


@pytest.mark.parametrize(
    ("level", "count", "place"),
    [(0.9, 9, 9), (0.9, 19, 18), (0.9, 20, 19), (0.55, 19, 11), (0.7, 9, 7), (0.95, 19, 19), (0.9, 8, 9)],
)
def test_the_place_of_the_quantile_is_exact(level: float, count: int, place: int) -> None:
    """In floating point 0.55 * 20 is above 11."""
    assert conformal_rank(level, count) == place


def test_the_radius_by_hand() -> None:
    errors = np.arange(19.0, 0.0, -1.0)
    assert interval_radius(errors, 0.9) == 18.0
    assert interval_radius(errors, 0.95) == 19.0
    assert interval_radius(errors, 0.5) == 10.0


@pytest.mark.parametrize(
    ("level", "fewest"), [(0.9, 9), (0.95, 19), (0.5, 1), (0.99, 99), (0.8, 4), (0.55, 2)]
)
def test_few_errors_make_no_interval(level: float, fewest: int) -> None:
    assert fewest_errors(level) == fewest
    assert interval_radius(np.ones(fewest), level) == 1.0
    assert interval_radius(np.ones(fewest - 1), level) is None


def test_errors_that_are_no_numbers_count_as_infinite() -> None:
    errors = np.array([np.nan, np.inf, *range(18)], np.float64)
    assert interval_radius(errors, 0.8) == 16.0
    assert interval_radius(errors, 0.9) is None
    assert interval_radius(np.full(50, np.nan), 0.5) is None


@pytest.mark.parametrize(("level", "count"), [(0.9, 19), (0.9, 30), (0.5, 12), (0.8, 199)])
def test_intervals_cover_as_often_as_they_promise(level: float, count: int) -> None:
    rng = np.random.default_rng(0)
    errors = np.abs(rng.standard_t(3, (20_000, count + 1)))
    place = conformal_rank(level, count)
    radius = np.sort(errors[:, 1:], axis=1)[:, place - 1]
    assert interval_radius(errors[0, 1:], level) == radius[0]
    covered = float((errors[:, 0] <= radius).mean())
    # Exactly place / (count + 1) for errors without ties; the deviation over 20,000 draws is below 0.004.
    assert abs(covered - place / (count + 1)) < 0.015
    assert level <= place / (count + 1) < level + 1 / (count + 1)
