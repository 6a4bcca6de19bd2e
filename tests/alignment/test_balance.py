"""The representatives that are matched: one for a network and all its rescalings."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment._frames import frame_of
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.seeding import generator

from .networks import architecture_of, drawn

SQUARED = mlp(widths=(3, 5, 4, 2), activations=[Activation("relu_squared"), Activation("relu")])
NETWORKS: dict[str, Architecture] = {
    "relu": architecture_of("relu"),
    "squared": SQUARED,
    **{family: architecture_of(family) for family in ("cnn", "resnet", "transformer")},
}


@pytest.mark.slow
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_rescaled_networks_have_one_representative(name: str, pruned: bool) -> None:
    architecture = NETWORKS[name]
    frame, theta = frame_of(architecture), drawn(architecture)
    if pruned:
        theta[::4] = 0.0
    state = architecture.unflatten(theta)
    expected = frame.balance.element(state).apply(state)
    for seed in range(2):
        numbers = generator(seed, name)
        by = 3 * torch.randn(frame.group.scales.dimension, generator=numbers, dtype=torch.float64)
        moved = frame.scales.scaled(by.numpy()).apply(state)
        found = frame.balance.element(moved).apply(moved)
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-12)
        assert any(not torch.allclose(moved[key], value) for key, value in state.items())


def test_what_enters_a_neuron_weighs_as_much_as_what_leaves_it() -> None:
    """Up to the second term of the sum, which is small where weights are not."""
    architecture = NETWORKS["relu"]
    state = architecture.unflatten(100 * drawn(architecture))
    found = frame_of(architecture).balance.element(state).apply(state)
    entering = found["0.weight"].square().sum(1) + found["0.bias"].square()
    leaving = found["2.weight"].square().sum(0)
    torch.testing.assert_close(entering, leaving, rtol=1e-2, atol=0)
    before = state["0.weight"].square().sum(1) + state["0.bias"].square()
    assert (before / state["2.weight"].square().sum(0) - 1).abs().max() > 0.1


def test_signs_and_zeros_stay() -> None:
    for name in ("relu", "resnet"):
        architecture = NETWORKS[name]
        theta = drawn(architecture)
        theta[::3] = 0.0
        state = architecture.unflatten(theta)
        found = frame_of(architecture).balance.element(state).apply(state)
        assert all(torch.equal(found[key].sign(), value.sign()) for key, value in state.items())
        nothing = architecture.unflatten(torch.zeros_like(theta))
        assert all(
            not value.any()
            for value in frame_of(architecture).balance.element(nothing).apply(nothing).values()
        )


def test_small_weights_do_not_move_a_neuron() -> None:
    architecture = NETWORKS["relu"]
    balance = frame_of(architecture).balance
    state, other = (architecture.unflatten(drawn(architecture)) for _ in range(2))
    state["0.weight"][2, 1], other["0.weight"][2, 1] = 0.0, 1e-30
    first, second = (balance.element(one).apply(one) for one in (state, other))
    torch.testing.assert_close(second["0.weight"][2, 0], first["0.weight"][2, 0], rtol=0.05, atol=0)
