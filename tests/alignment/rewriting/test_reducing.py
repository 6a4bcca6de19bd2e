"""Neurons that are taken away again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.alignment.rewriting import Rewriting, reduce, rewrite
from scalegmn.networks import Activation, Conv, LayeredArchitecture, Skip, cnn, mlp
from scalegmn.seeding import generator

from .networks import NETWORKS, apart, drawn, normed

KINDS = (("unread",), ("split",), ("cancel",), ("unread", "split", "cancel", "group"), ("split", "split"))


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
@pytest.mark.parametrize("name", NETWORKS)
def test_rewriting_is_taken_back(name: str, kinds: tuple[str, ...]) -> None:
    architecture, theta, inputs = drawn(name)
    wider, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=kinds, neurons=3))
    assert wider != architecture
    narrower, back = reduce(wider, found)
    assert narrower == architecture
    assert apart((architecture, theta), (narrower, back), inputs) < 1e-9


@pytest.mark.parametrize("name", ["relu", "sine", "flattened"])
def test_single_precision_is_enough(name: str) -> None:
    architecture, theta, inputs = drawn(name)
    wider, found = rewrite(architecture, theta.float(), rewriting=Rewriting(neurons=3))
    assert found.dtype == torch.float32
    narrower, back = reduce(wider, found)
    assert narrower == architecture and back.dtype == torch.float32
    assert apart((architecture, theta), (narrower, back.double()), inputs) < 1e-3


@pytest.mark.parametrize("size", [1e-6, 1e-3])
def test_noise_defeats_it(size: float) -> None:
    architecture, theta, _ = drawn("convolutions")
    wider, found = rewrite(architecture, theta.float(), rewriting=Rewriting(kinds=("split",), neurons=3))
    noise = 1 + size * torch.randn(found.shape, generator=generator(1))
    assert reduce(wider, found * noise)[0] == wider
    assert reduce(wider, found * noise, tolerance=10 * size)[0] == architecture


@pytest.mark.parametrize("name", NETWORKS)
def test_random_networks_are_left_alone(name: str) -> None:
    architecture, theta, _ = drawn(name)
    narrower, found = reduce(architecture, theta)
    assert narrower == architecture and found is theta


def test_one_neuron_is_kept() -> None:
    architecture = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    state = architecture.unflatten(torch.ones(architecture.num_parameters, dtype=torch.float64))
    state["2.weight"].zero_()
    narrower, theta = reduce(architecture, architecture.flatten(state))
    assert narrower.as_layers is not None and narrower.as_layers.stages[0].weighted.outputs == 1
    assert torch.equal(narrower.run(theta[None], torch.zeros(1, 3).double()), torch.ones(1, 1, 2).double())


def test_opposite_neurons_are_merged_where_signs_act() -> None:
    architecture = mlp(widths=(2, 2, 1), activations=[Activation("relu")])
    theta = torch.tensor([1.0, 2.0, -1.0, -2.0, 0.5, -0.5, 1.0, 1.0, 0.0], dtype=torch.float64)
    assert reduce(architecture, theta)[0] == architecture
    odd = mlp(widths=(2, 2, 1), activations=[Activation("tanh")])
    narrower, found = reduce(odd, theta)
    assert narrower.as_layers is not None and narrower.as_layers.stages[0].weighted.outputs == 1
    assert float(narrower.run(found[None], torch.ones(1, 2).double())) == pytest.approx(0)


def test_neurons_that_only_unread_ones_read_are_unread() -> None:
    architecture, theta, _ = drawn("relu")
    state = architecture.unflatten(theta.clone())
    _, second, third = (f"{stage.weighted.name}.weight" for stage in architecture.stages)
    state[second][:3, 0] = 0
    state[third][:, 3:] = 0
    narrower, _ = reduce(architecture, architecture.flatten(state))
    assert narrower.as_layers is not None
    assert [stage.weighted.outputs for stage in narrower.as_layers.stages] == [4, 3, 2]


def with_constants(architecture: LayeredArchitecture, theta: Tensor) -> Tensor:
    state = architecture.unflatten(theta.clone())
    state[f"{architecture.stages[0].weighted.name}.weight"][1] = 0
    return architecture.flatten(state)


@pytest.mark.parametrize("name", ["sigmoid", "sine", "convolutions"])
def test_constant_neurons_go_into_the_next_bias(name: str) -> None:
    architecture, theta, inputs = drawn(name)
    if name == "convolutions":
        architecture = cnn(channels=(1, 4, 5), activations=[Activation("sigmoid")] * 2, padding=0)
        theta = theta[: architecture.num_parameters]
    theta = with_constants(architecture, theta)
    narrower, found = reduce(architecture, theta)
    layers = narrower.layered(reader="this test")
    assert layers.stages[0].weighted.outputs == architecture.stages[0].weighted.outputs - 1
    assert apart((architecture, theta), (layers, found), inputs) < 1e-12


def test_constants_beside_borders_and_without_a_bias_stay() -> None:
    architecture, theta, _ = drawn("padded")
    assert reduce(architecture, with_constants(architecture, theta))[0] == architecture
    bare = LayeredArchitecture((Conv("a", 1, 3, (1, 1)), Conv("b", 3, 2, (1, 1), bias=False)))
    theta = torch.randn(bare.num_parameters, generator=generator(0), dtype=torch.float64)
    assert reduce(bare, with_constants(bare, theta))[0] == bare
    state = bare.unflatten(with_constants(bare, theta))
    state["a.bias"][1] = 0
    assert reduce(bare, bare.flatten(state))[0] != bare


def test_what_is_no_chain_comes_back() -> None:
    architecture, theta, _ = drawn("relu")
    skipping = LayeredArchitecture(architecture.layers, (Skip(0, 1, 5),))
    state = skipping.unflatten(theta.clone())
    state[f"{skipping.stages[0].weighted.name}.weight"][1:] = 0
    assert reduce(skipping, skipping.flatten(state))[0] is skipping
    softmax = mlp(widths=(2, 3, 1), activations=[Activation("softmax")])
    assert reduce(softmax, torch.ones(13))[0] is softmax
    program, parameters = normed()
    assert reduce(program, parameters) == (program, parameters)


@pytest.mark.parametrize("wild", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_stay(wild: float) -> None:
    """A neuron that nobody reads makes every answer NaN: without it the network would be another."""
    architecture = mlp(widths=(2, 3, 2), activations=[Activation("relu")])
    theta = torch.ones(architecture.num_parameters)
    state = architecture.unflatten(theta.clone())
    state["2.weight"][:, 1] = 0
    assert reduce(architecture, architecture.flatten(state))[0] != architecture
    state["0.weight"][1, 0] = wild
    spoilt = torch.cat([value.flatten() for value in state.values()])
    narrower, back = reduce(architecture, spoilt)
    assert narrower == architecture and back is spoilt
