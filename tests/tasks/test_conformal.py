from __future__ import annotations

import numpy as np
import pytest

from scalegmn.tasks.conformal import conformal_p_values, smallest_p_value, upper_quantile


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
    # Too few for the share: the largest.
    assert upper_quantile(np.array([3.0, 1.0]), 0.995) == (3.0, 2)
