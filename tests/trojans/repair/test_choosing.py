from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.repair import Repairs, best_of
from scalegmn.trojans.repair._choosing import score_of
from scalegmn.trojans.repair.defenses import MeanDifference

BEFORE = np.array([[0.9, 1.0, 0.0], [0.9, 0.1, 0.8]])


def repairs(asr: float, c_acc: float, clean_c_acc: float) -> Repairs:
    after = np.array([[c_acc, asr, 0.5], [clean_c_acc, 0.1, 0.8]])
    return Repairs(BEFORE, after, np.array([True, False]), np.array([0, 0]))


def test_score() -> None:
    assert score_of(repairs(1.0, 0.9, 0.9)) == pytest.approx(0.5)
    assert score_of(repairs(0.2, 0.8, 0.9)) == pytest.approx((0.8 - 0.1 + 1) / 2)
    # What clean networks lose counts as well, what they gain does not.
    assert score_of(repairs(0.2, 0.8, 0.7)) == pytest.approx((0.8 - 0.1 + 1) / 2 - 0.1)
    assert score_of(repairs(0.2, 0.8, 1.0)) == pytest.approx((0.8 - 0.1 + 1) / 2)
    alone = Repairs(BEFORE[:1], BEFORE[:1], np.array([True]))
    assert score_of(alone) == pytest.approx(0.5)
    with pytest.raises(ConfigurationError, match="no trojaned network"):
        score_of(Repairs(BEFORE[1:], BEFORE[1:], np.array([False])))


def test_the_best_candidate_is_taken() -> None:
    steps = [MeanDifference(step=step) for step in (0.0, 0.5, 1.0, 2.0)]

    def judge(candidates: Sequence[MeanDifference]) -> list[Repairs]:
        return [repairs(1 - method.step / 2, 0.9 - 0.8 * (method.step > 1), 0.9) for method in candidates]

    best, scores = best_of(steps, judge)
    assert best is steps[2]
    assert scores == pytest.approx([0.5, 0.625, 0.75, 0.6])
    with pytest.raises(ConfigurationError, match="no candidates"):
        best_of([], judge)
