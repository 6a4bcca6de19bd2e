from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import bootstrap_interval, clustered_interval, kendall_tau, resamples


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = bootstrap_interval(lambda rows: float(values[rows].mean()), count=400, draws=4000)
    assert interval is not None
    half = 1.96 * values.std() / 20
    assert interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["b", "a", "b", "c"])
    for rows in resamples(count=4, groups=groups, draws=50):
        times = np.bincount(rows, minlength=4)
        assert times[0] == times[2]
        assert times[1] + times[0] + times[3] == 3


def test_copies_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(0)
    true = random.random(300)
    predicted = true + 0.3 * random.normal(size=300)

    def tau(times: int, groups: np.ndarray | None) -> float:
        many, guessed = np.repeat(true, times), np.repeat(predicted, times)
        return width(
            bootstrap_interval(
                lambda rows: kendall_tau(many[rows], guessed[rows]),
                count=len(many),
                groups=groups,
                draws=400,
            )
        )

    alone = tau(1, None)
    assert tau(4, np.repeat(np.arange(300), 4)) == pytest.approx(alone, rel=1e-9)
    assert tau(4, None) == pytest.approx(alone / 2, rel=0.15)


def test_the_same_as_for_shares() -> None:
    hits = np.arange(400) % 7 > 0
    clusters = np.arange(400) // 4
    interval = bootstrap_interval(
        lambda rows: float(hits[rows].mean()), count=400, groups=clusters, draws=4000
    )
    assert interval == pytest.approx(clustered_interval(hits, clusters), abs=0.006)


@pytest.mark.slow
def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Tau of two normal numbers with correlation r is 2/pi asin(r)."""
    random = np.random.default_rng(0)
    truth, covered = 2 / np.pi * np.arcsin(0.8), 0
    for seed in range(60):
        x = random.normal(size=120)
        y = 0.8 * x + 0.6 * random.normal(size=120)

        def tau(rows: np.ndarray, x: np.ndarray = x, y: np.ndarray = y) -> float | None:
            return kendall_tau(x[rows], y[rows])

        interval = bootstrap_interval(tau, count=120, draws=150, seed=seed)
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert 0.85 <= covered / 60 < 1


def test_seed_decides() -> None:
    values = np.arange(30.0)

    def interval(seed: int) -> tuple[float, float] | None:
        return bootstrap_interval(lambda rows: float(values[rows].mean()), count=30, seed=seed)

    assert interval(0) == interval(0) != interval(1)


@pytest.mark.parametrize(("count", "groups"), [(0, None), (1, None), (3, [7, 7, 7])])
def test_nothing_to_resample(count: int, groups: list[int] | None) -> None:
    asked = None if groups is None else np.array(groups)
    assert bootstrap_interval(lambda rows: float(len(rows)), count=count, groups=asked) is None


@pytest.mark.parametrize(("share", "expected"), [(0.3, None), (0.7, (1.0, 1.0))])
def test_figure_that_is_mostly_undefined_has_no_interval(
    share: float, expected: tuple[float, float] | None
) -> None:
    defined = iter(np.arange(100) < 100 * share)
    assert bootstrap_interval(lambda rows: 1.0 if next(defined) else None, count=5, draws=100) == expected


def test_groups_must_fit() -> None:
    with pytest.raises(ConfigurationError, match=r"groups of shape \(2,\) for 3 networks"):
        bootstrap_interval(lambda rows: 0.0, count=3, groups=np.zeros(2))
