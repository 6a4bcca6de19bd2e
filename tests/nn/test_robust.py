"""Constants that a few networks gone wild do not move."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import batch_graphs
from scalegmn.networks import siren
from scalegmn.nn._normalization import ParameterScale
from scalegmn.nn._robust import of_ordinary_size, robust_moments, within_reach
from scalegmn.nn._standardize import Standardize

NETWORK = siren(widths=(2, 4, 3, 1))


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ordinary_columns_keep_their_plain_mean_and_deviation_to_the_bit() -> None:
    rows = numbers(500, 4) * torch.tensor([1e-9, 1.0, 1e9, 0.0]) + 3
    mean, deviation = robust_moments(rows)
    assert torch.equal(mean, rows.mean(0))
    assert torch.equal(deviation, (rows - rows.mean(0)).square().mean(0).sqrt())


@pytest.mark.parametrize("wild", [1e3, -1e6, 1e33, float("inf"), float("nan")])
@pytest.mark.parametrize("share", [1, 40])
def test_wild_rows_do_not_move_the_moments(wild: float, share: int) -> None:
    rows = numbers(140, 3) + 5
    with_wild = torch.cat([rows, torch.full((share, 3), wild, dtype=torch.float64)])
    for found, expected in zip(robust_moments(with_wild), robust_moments(rows), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_columns_that_are_mostly_zero_keep_their_rare_values() -> None:
    rows = torch.zeros(100, 1, dtype=torch.float64)
    rows[:5, 0] = torch.tensor([1.0, 1.1, 0.9, 1.2, 1e9])
    assert within_reach(rows)[:, 0].tolist() == [True] * 4 + [False] + [True] * 95


def test_of_many_rows_some_decide_and_all_count() -> None:
    rows = numbers(100_000, 1)
    rows[::1000] = 1e20
    assert int((~within_reach(rows)).sum()) == 100
    assert float(robust_moments(rows)[1]) == pytest.approx(1, rel=0.02)


def test_sizes_of_nothing_say_nothing() -> None:
    sizes = torch.tensor([[0.0], [0.0], [0.0], [1.0], [2.0], [50.0]])
    counted = torch.ones_like(sizes, dtype=torch.bool)
    assert of_ordinary_size(sizes, counted)[:, 0].tolist() == [True] * 5 + [False]
    assert of_ordinary_size(torch.zeros(3, 1), counted[:3]).all()


@pytest.mark.parametrize("factor", [20.0, 1e3, 1e30])
def test_one_network_does_not_decide_the_scale_of_a_layer(factor: float) -> None:
    theta = 0.1 * numbers(141, NETWORK.num_parameters).float()
    wild = theta.clone()
    wild[17] *= factor
    ordinary, found = ParameterScale(layers=2), ParameterScale(layers=2)
    others = torch.cat([theta[:17], theta[18:]])
    ordinary.fit(batch_graphs(NETWORK, others))
    found.fit(batch_graphs(NETWORK, wild))
    torch.testing.assert_close(found.weight, ordinary.weight)
    torch.testing.assert_close(found.bias, ordinary.bias)


def test_the_scale_of_ordinary_networks_is_the_plain_root_mean_square() -> None:
    theta = 0.1 * numbers(50, NETWORK.num_parameters).float()
    scale = ParameterScale(layers=2)
    scale.fit(batch_graphs(NETWORK, theta))
    first = NETWORK.parameters[0]
    expected = theta[:, first.start : first.stop].double().square().mean().sqrt().float()
    assert torch.equal(scale.weight[1], expected)


def test_one_network_does_not_decide_standardized_columns() -> None:
    rows = numbers(140, 3).float() * 2 + 1
    wild = rows.clone()
    wild[5] = 1e30
    scale = Standardize(3)
    scale.fit(wild)
    assert (scale.mean - rows.mean(0)).abs().max() < 0.1
    assert ((scale.deviation - 2).abs() < 0.5).all()
