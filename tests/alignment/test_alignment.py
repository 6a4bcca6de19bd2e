"""Differences and distances by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Alignment
from scalegmn.networks import Activation, mlp

NETWORK = mlp(widths=(1, 2, 1), activations=[Activation("relu")])
FIRST = torch.tensor([1.0, 2.0, 0.5, 0.0, 1.0, 3.0, 0.0], dtype=torch.float64)


def alignment(
    reference: Tensor, aligned: Tensor, *, other: Tensor | None = None, gauge: float = 1.0, floor: float = 0.0
) -> Alignment:
    return Alignment(
        architecture=NETWORK,
        reference=reference,
        other=aligned if other is None else other,
        aligned=aligned,
        gauge=torch.full((7,), gauge, dtype=torch.float64),
        floor=torch.full((7,), floor, dtype=torch.float64),
    )


def test_equal_networks_have_no_distance() -> None:
    found = alignment(FIRST, FIRST)
    assert found.distance == found.distance_before == 0 and not found.difference.any()
    nothing = alignment(torch.zeros_like(FIRST), torch.zeros_like(FIRST))
    assert nothing.distance == nothing.distance_before == 0 and not nothing.difference.any()


def test_differences_are_relative_to_the_larger_number() -> None:
    second = torch.tensor([1.0, 1.0, -0.5, 0.0, 4.0, 3.0, 2.0], dtype=torch.float64)
    assert alignment(FIRST, second).difference.tolist() == pytest.approx([0, 0.5, 2, 0, 0.75, 0, 1])


def test_scales_of_both_change_no_difference() -> None:
    second = FIRST * torch.tensor([1.0, 1.1, 1, 1, 1, 0.9, 1])
    expected = alignment(FIRST, second)
    found = alignment(FIRST / 7, second / 7, gauge=7.0)
    torch.testing.assert_close(found.difference, expected.difference)
    assert math.isclose(found.distance, expected.distance)


def test_next_to_nothing_is_nothing() -> None:
    """A number that is 0 up to rounding of its neighbors does not differ from 0."""
    second = FIRST.clone()
    second[3] = 1e-17
    assert alignment(FIRST, second).difference.max() < 1e-7
    second[3] = 1e-3
    assert alignment(FIRST, second).difference.max() == 1


def test_what_counts_as_equal_sizes_is_a_floor() -> None:
    second = FIRST.clone()
    second[6] = 0.25
    assert float(alignment(FIRST, second, floor=10.0).difference[6]) == 0.025


def test_distances_by_hand() -> None:
    second = FIRST.clone()
    second[5] = -3.0
    found = alignment(FIRST, FIRST, other=second)
    size = math.sqrt(1 + 4 + 0.25 + 1 + 9)
    assert found.distance == 0
    assert math.isclose(found.distance_before, 6 / size)
    assert math.isclose(alignment(FIRST, second).distance, 6 / size)


def test_single_precision_is_compared_in_double() -> None:
    found = alignment(FIRST.float(), FIRST.float())
    assert found.difference.dtype == torch.float64 and found.distance == 0
