"""Effort and parts of the group as values."""

from __future__ import annotations

import pytest

from scalegmn.alignment import Matching
from scalegmn.errors import ConfigurationError


def test_by_default_the_whole_group_is_used() -> None:
    matching = Matching()
    assert matching.permutations and matching.scales and matching.signs and matching.phases


@pytest.mark.parametrize("wrong", [{"starts": 0}, {"sweeps": 0}, {"seed": -1}, {"starts": 1.5}])
def test_no_effort_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Matching(**wrong)
