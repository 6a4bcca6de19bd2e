from __future__ import annotations

import pytest
from scipy.stats import binomtest

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import wilson_interval


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (0, 50), (50, 50), (7, 10), (610, 1000)])
def test_wilson_interval_is_that_of_scipy(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(hits=hits, total=total) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("hits", "total"), [(0, 0), (-1, 3), (4, 3)])
def test_impossible_proportion_is_refused(hits: int, total: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{hits} hits of {total}"):
        wilson_interval(hits=hits, total=total)
