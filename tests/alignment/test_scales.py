"""Scales that balance two networks: they meet half-way, where nothing pulls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.alignment._frames import MatchingFrame, frame_of
from scalegmn.alignment._scales import balancing_scales
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.seeding import generator

from .networks import architecture_of, drawn

SQUARED = mlp(widths=(3, 5, 4, 2), activations=[Activation("relu_squared"), Activation("relu")])
NETWORKS = {"relu": architecture_of("relu"), "resnet": architecture_of("resnet"), "squared": SQUARED}

State = Mapping[str, Tensor]


def pair_of(architecture: Architecture) -> tuple[MatchingFrame, State, State]:
    first, second = (architecture.unflatten(drawn(architecture, seed)) for seed in (0, 1))
    return frame_of(architecture), first, second


def random_scales(frame: MatchingFrame, seed: int) -> NDArray[np.float64]:
    dimension = frame.scales.rows.matrix.shape[1]
    return torch.randn(dimension, generator=generator(seed, "scales"), dtype=torch.float64).numpy()


def pulls(frame: MatchingFrame, first: State, second: State) -> NDArray[np.float64]:
    """The gradient, and by how much it could be at most: both for each free scale."""
    rows = frame.scales.rows
    ours, theirs = (rows.sums({name: v.square() for name, v in one.items()}) for one in (first, second))
    matrix = rows.matrix
    return np.abs(matrix.T @ (theirs - ours)) / (abs(matrix).T @ (theirs + ours))


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_pulls_where_they_meet(name: str) -> None:
    frame, first, second = pair_of(NETWORKS[name])
    assert pulls(frame, first, second).max() > 1e-2
    half = balancing_scales(frame.scales.rows, first, second) / 2
    there, here = frame.scales.scaled(-half).apply(first), frame.scales.scaled(half).apply(second)
    # Values near the minimum differ by the square of this.
    assert pulls(frame, there, here).max() < 1e-7


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_same_whichever_is_first(name: str) -> None:
    frame, first, second = pair_of(NETWORKS[name])
    there, back = (balancing_scales(frame.scales.rows, *pair) for pair in ((first, second), (second, first)))
    np.testing.assert_allclose(frame.scales.rows.matrix @ (there + back), 0, atol=1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_other_scales_bring_them_closer(name: str) -> None:
    frame, first, second = pair_of(NETWORKS[name])
    found = balancing_scales(frame.scales.rows, first, second)

    def apart(coordinates: NDArray[np.float64]) -> float:
        there = frame.scales.scaled(-coordinates / 2).apply(first)
        here = frame.scales.scaled(coordinates / 2).apply(second)
        return float(sum((there[key] - here[key]).square().sum() for key in there))

    least = apart(found)
    for seed in range(5):
        assert apart(found + 0.01 * random_scales(frame, seed)) > least


@pytest.mark.parametrize("name", NETWORKS)
def test_the_scales_of_a_copy_are_found(name: str) -> None:
    frame, first, _ = pair_of(NETWORKS[name])
    by = random_scales(frame, 1)
    found = balancing_scales(frame.scales.rows, first, frame.scales.scaled(by).apply(first))
    np.testing.assert_allclose(frame.scales.rows.matrix @ found, -(frame.scales.rows.matrix @ by), atol=1e-9)


def test_zeros_and_nothing_at_all() -> None:
    frame, first, second = pair_of(NETWORKS["relu"])
    zeros = {name: torch.zeros_like(value) for name, value in first.items()}
    for one, other in ((zeros, zeros), (first, zeros), (zeros, second)):
        assert np.isfinite(balancing_scales(frame.scales.rows, one, other)).all()
    tanh = frame_of(architecture_of("tanh"))
    state = architecture_of("tanh").unflatten(drawn(architecture_of("tanh")))
    assert balancing_scales(tanh.scales.rows, state, state).shape == (0,)
