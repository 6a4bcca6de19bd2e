from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import clustered_interval, wilson_interval


def test_single_answers_give_the_usual_interval() -> None:
    hits = np.arange(400) < 340
    low, high = clustered_interval(hits, np.arange(400))
    assert (low, high) == pytest.approx(wilson_interval(hits=340, total=400), abs=0.008)


def test_copies_of_an_answer_do_not_narrow_it() -> None:
    hits = np.arange(400) < 340
    copied, clusters = np.repeat(hits, 3), np.repeat(np.arange(400), 3)
    assert clustered_interval(copied, clusters) == pytest.approx(
        clustered_interval(hits, np.arange(400)), abs=0.004
    )
    as_if_alone = clustered_interval(copied, np.arange(1200))
    width = np.subtract(*clustered_interval(copied, clusters)) / np.subtract(*as_if_alone)
    assert width == pytest.approx(np.sqrt(3), rel=0.1)


def test_order_does_not_matter_and_the_seed_decides() -> None:
    random = np.random.default_rng(0)
    hits, clusters = random.random(100) < 0.5, random.integers(0, 20, 100)
    order = random.permutation(100)
    assert clustered_interval(hits, clusters) == clustered_interval(hits[order], clusters[order])


@pytest.mark.parametrize(("hits", "clusters"), [([], []), ([True], [1, 2])])
def test_bad_input(hits: list[bool], clusters: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="expected one cluster per"):
        clustered_interval(np.array(hits), np.array(clusters))
