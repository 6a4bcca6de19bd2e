"""The ways in which triggers are searched, each by what no other does."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.models.baselines.features import FeaturesConfig, InversionFeatures
from scalegmn.models.baselines.features._searches import SEARCHES, SearchKind, smooth, strongest_window
from scalegmn.models.baselines.features._trigger_search import search_changes
from scalegmn.networks import Architecture, mlp
from scalegmn.testing.elements import Elements
from tests.models.baselines.networks import TANH_ZOO, batch_of, transformed

TWO = mlp(widths=(16, 2), activations=[])
NEW = tuple(kind for kind in SearchKind if kind is not SearchKind.free)


def linear(rows: Tensor) -> tuple[Architecture, Tensor]:
    """A network that answers ``rows (2, 16)`` times its inputs."""
    theta = torch.zeros(1, TWO.num_parameters, dtype=torch.float64)
    weight = TWO.weighted[0].weight
    theta[0, weight.start : weight.stop] = rows.flatten()
    return TWO, theta


def reached(kind: SearchKind, rows: Tensor, inputs: Tensor) -> Tensor:
    """``(C, R, m)``: margins of the linear network."""
    return search_changes(*linear(rows), inputs, search=SEARCHES[kind]).margins[0]


def test_bounded_changes_leave_inputs_where_they_can_be() -> None:
    rows = torch.zeros(2, 16, dtype=torch.float64)
    # The first answer grows below -1 alone, where no input is.
    rows[0] = -1
    inputs = -torch.ones(1, 16, dtype=torch.float64)
    free, bounded = (reached(kind, rows, inputs)[0] for kind in (SearchKind.free, SearchKind.bounded))
    assert free[-1] > free[0] + 1
    assert torch.equal(bounded, bounded[:1].expand_as(bounded))
    # Where inputs that are given lie further out, so may others.
    wide = reached(SearchKind.bounded, rows, torch.cat([inputs, 3 * inputs]))[0]
    assert (wide[-1] > wide[0])[0] and wide[-1, 1] == wide[0, 1]


def test_bounded_searches_turn_to_inputs_that_are_still_to_be_won() -> None:
    rows = torch.zeros(2, 16, dtype=torch.float64)
    rows[0, 0], rows[0, 1] = 3, 2
    inputs = torch.zeros(2, 16, dtype=torch.float64)
    # The first input is won and cannot be moved by the first number; the second can by both.
    inputs[0, 0], inputs[1, 0] = 1, 1
    inputs[0, 1], inputs[1, 1] = 1, -1
    found = reached(SearchKind.bounded, rows, inputs)[0]
    assert found[-1, 1] > found[0, 1] + 1 and found[-1, 0] == found[0, 0]


def test_away_is_toward_any_other_answer() -> None:
    rows = torch.randn(2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = 0.5 * torch.randn(6, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    first = (rows @ inputs.T).argmax(0) == 0
    inputs = torch.where(first[:, None], inputs, -inputs)
    away, toward = (reached(kind, rows, inputs) for kind in (SearchKind.away, SearchKind.bounded))
    # All inputs have the first answer, so away from it is toward the second.
    assert away.shape == (1, 7, 6)
    torch.testing.assert_close(away[0], toward[1])
    mixed = reached(SearchKind.away, rows, torch.cat([inputs[:3], -inputs[3:]]))
    assert (mixed[0, 0] < 0).all()


def test_smooth_changes_have_no_fast_waves() -> None:
    places = math.pi * (torch.arange(12, dtype=torch.float64) + 0.5) / 12
    slow, fast = (torch.cos(waves * places).expand(12, 12) for waves in (5, 6))
    pair = torch.stack([fast, slow])[None, :, None]
    found = smooth(pair)
    assert found[0, 0].abs().max() < 1e-9
    torch.testing.assert_close(found[0, 1], pair[0, 1])
    torch.testing.assert_close(smooth(found), found)
    flat = torch.ones(1, 2, 5)
    assert smooth(flat) is flat


def test_windows_are_where_most_of_the_gradient_is() -> None:
    gradient = torch.full((1, 2, 1, 9, 12), 0.1)
    gradient[0, 0, 0, 5:8, 2:6] = 3
    gradient[0, 1, 0, :3, 8:] = -3
    found = strongest_window(gradient)
    assert found[0, 0].count_nonzero() == found[0, 1].count_nonzero() == 12
    assert (found[0, 0, 0, 5:8, 2:6] == 3).all() and (found[0, 1, 0, :3, 8:] == -3).all()
    flat = torch.ones(1, 2, 5)
    assert strongest_window(flat) is flat


@pytest.mark.parametrize("kind", NEW)
def test_symmetries_change_nothing(kind: SearchKind) -> None:
    config = FeaturesConfig(type="inversion", image_size=(15, 15), searches=(kind,))
    made = InversionFeatures.from_architectures([TANH_ZOO], config=config)
    batch = batch_of(TANH_ZOO, count=2)
    found = made.compute(batch)
    assert found.shape == (2, made.size) and (found[0] - found[1]).abs().max() > 0.1
    moved = made.compute(transformed(batch, Elements(shift_phase=False, spread=100.0)))
    assert (moved - found).abs().max() < 1e-6


def test_searches_stand_side_by_side() -> None:
    sizes = {kind: InversionFeatures(searches=(kind,)).size for kind in SearchKind}
    assert sizes[SearchKind.free] == InversionFeatures().size == 114
    assert InversionFeatures(searches=tuple(SearchKind)).size == sum(sizes.values())
    assert InversionFeatures(searches=NEW).to_plain()["searches"] == ["bounded", "smooth", "window", "away"]
    with pytest.raises(ConfigurationError, match="searches"):
        InversionFeatures(searches=())
