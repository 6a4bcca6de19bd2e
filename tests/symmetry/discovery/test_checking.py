"""A change that is no number is never taken for none."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch

from scalegmn.symmetry.discovery import FunctionCheck
from scalegmn.symmetry.discovery._checking import relative_change


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("value", [nan, inf])
def test_an_output_that_is_no_number_fails_wherever_it_stands(place: int, value: float) -> None:
    before = [torch.ones(2) for _ in range(3)]
    after = [torch.full((2,), value) if index == place else torch.ones(2) for index in range(3)]
    error = relative_change(before, after)
    assert error == inf
    assert not FunctionCheck(errors=(0.0, error), tolerance=1.0, moved=(1.0, 1.0)).passed


def test_what_is_no_number_before_and_after_fails_too() -> None:
    outputs = [torch.ones(2), torch.tensor([nan])]
    assert relative_change(outputs, outputs) == inf


def test_the_sentence_says_that_the_function_changed() -> None:
    text = str(FunctionCheck(errors=(1e-16, inf, 1e-16), tolerance=1e-10, moved=(1.0, 1.0, 1.0)))
    assert text.startswith("THE FUNCTION CHANGED") and "inf" in text
