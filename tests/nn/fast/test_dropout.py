"""Dropout from shared draws of random bits."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn.fast._dropout import dropout


@pytest.fixture(autouse=True)
def _seeded() -> object:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_mean(rate: float) -> None:
    dropped = dropout(torch.ones(1001, 101), rate)
    assert abs(float((dropped == 0).float().mean()) - rate) < 0.01
    assert abs(float(dropped.mean()) - 1) < 0.02
    assert dropped.unique().numel() == 2


def test_entries_of_one_draw_are_independent() -> None:
    kept = (dropout(torch.ones(40_000), 0.5) > 0).double().reshape(-1, 4)
    covariance = torch.cov(kept.T)
    assert (covariance - 0.25 * torch.eye(4)).abs().max() < 0.01


def test_gradient_is_the_mask() -> None:
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.3)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)
    assert (gradient == 0).any() and (gradient != 0).any()


def test_rates_too_small_to_matter() -> None:
    assert torch.equal(dropout(torch.ones(10), 0.0), torch.ones(10))
