"""Constants that bring numbers to size 1."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn._standardize import Standardize


def test_columns_get_mean_zero_and_size_one() -> None:
    x = torch.randn(6, 50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1e-3, 5.0, 0.0])
    x = x + torch.tensor([10.0, -2.0, 0.1])
    scale = Standardize(3)
    assert torch.equal(scale(x), x)
    scale.fit(x)
    rows = scale(x).flatten(0, 1)
    assert rows.mean(0).abs().max() < 1e-3
    assert torch.allclose(rows[:, :2].std(0, correction=0), torch.ones(2), atol=1e-3)
    # A constant stays finite, whatever rounding makes of its deviation.
    assert rows[:, 2].abs().max() < 1e-5


def test_width_of_nothing() -> None:
    scale = Standardize(0)
    scale.fit(torch.zeros(4, 2, 0))
    assert scale(torch.zeros(4, 2, 0)).shape == (4, 2, 0)


@pytest.mark.parametrize("value", [0.1, 1e8])
def test_constant_columns_are_left_alone(value: float) -> None:
    scale = Standardize(1).double()
    scale.fit(torch.full((3, 1), value, dtype=torch.float64))
    assert float(scale.deviation) == 1.0
