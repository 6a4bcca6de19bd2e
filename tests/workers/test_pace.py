from __future__ import annotations

import pytest

from scalegmn.workers._pace import Pace


@pytest.mark.parametrize(
    ("past", "seconds", "late"),
    [
        ([10.0, 10.0, 10.0], 1e6, False),
        ([1.0, 1.0, 1.0, 1.0], 19.0, False),
        ([1.0, 1.0, 1.0, 1.0], 20.0, True),
        ([10.0, 10.0, 10.0, 1000.0], 39.0, False),
        ([10.0, 10.0, 10.0, 1000.0], 40.0, True),
        ([1000.0] * 9 + [10.0] * 64, 40.0, True),
    ],
)
def test_a_piece_is_late_that_takes_much_longer_than_the_last_ones(
    past: list[float], seconds: float, late: bool
) -> None:
    pace = Pace()
    for each in past:
        pace.add(each)
    assert pace.is_late(seconds) is late
