"""Neurons that are added, split and merged."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment import narrowed, with_split_neurons, with_unread_neurons
from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    Skip,
    cnn,
    mlp,
    siren,
)

FLAT = LayeredArchitecture(
    (
        Conv("a", 1, 4, (3, 3)),
        Activate(Activation("relu")),
        Pool("max", (2, 2)),
        Flatten((2, 2)),
        Dense("b", 16, 6, bias=False),
        Activate(Activation("prelu"), name="c", count=6),
        Dense("d", 6, 3),
    )
)
NETWORKS = {
    "relu": (mlp(widths=(3, 5, 6, 2), activations=[Activation("relu")] * 2), (3,)),
    "tanh": (mlp(widths=(3, 5, 6, 2), activations=[Activation("tanh")] * 2), (3,)),
    "sine": (siren(widths=(2, 5, 5, 1), frequency=3.0), (2,)),
    "convolutions": (cnn(channels=(1, 4, 5), activations=[Activation("relu")] * 2), (1, 9, 9)),
    "flattened": (FLAT, (1, 6, 6)),
}


def drawn(name: str) -> tuple[LayeredArchitecture, torch.Tensor, torch.Tensor, torch.Generator]:
    architecture, shape = NETWORKS[name]
    generator = torch.Generator().manual_seed(3)
    theta = torch.randn(architecture.num_parameters, generator=generator, dtype=torch.float64)
    return architecture, theta, torch.randn(7, *shape, generator=generator, dtype=torch.float64), generator


def widened(name: str) -> tuple[LayeredArchitecture, torch.Tensor]:
    architecture, theta, _, generator = drawn(name)
    for layer in range(len(architecture.stages) - 1):
        architecture, theta = with_unread_neurons(
            architecture, theta, layer=layer, count=2, generator=generator
        )
        architecture, theta = with_split_neurons(
            architecture, theta, layer=layer, count=3, generator=generator
        )
    return architecture, theta


@pytest.mark.parametrize("name", NETWORKS)
def test_widening_keeps_the_function(name: str) -> None:
    architecture, theta, inputs, _ = drawn(name)
    wider, found = widened(name)
    widths = [stage.weighted.outputs for stage in wider.stages[:-1]]
    assert widths == [stage.weighted.outputs + 5 for stage in architecture.stages[:-1]]
    before, after = architecture.run(theta[None], inputs), wider.run(found[None], inputs)
    assert torch.allclose(before, after, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_narrowing_takes_widening_back(name: str) -> None:
    architecture, theta, inputs, _ = drawn(name)
    narrower, found = narrowed(*widened(name))
    expected = [stage.weighted.outputs for stage in architecture.stages]
    learned = name == "flattened"
    # Learned slopes are not compared, so that split neurons in front of these stay.
    assert [stage.weighted.outputs for stage in narrower.stages][: -1 - learned] == expected[: -1 - learned]
    assert learned or narrower == architecture
    outputs = architecture.run(theta[None], inputs), narrower.run(found[None], inputs)
    assert torch.allclose(*outputs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_narrowing_leaves_random_networks_alone(name: str) -> None:
    architecture, theta, _, _ = drawn(name)
    narrower, found = narrowed(architecture, theta)
    assert narrower == architecture and torch.equal(found, theta)


def test_narrowing_keeps_one_neuron() -> None:
    architecture = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    state = architecture.unflatten(torch.ones(architecture.num_parameters, dtype=torch.float64))
    state["2.weight"].zero_()
    narrower, theta = narrowed(architecture, architecture.flatten(state))
    assert narrower.stages[0].weighted.outputs == 1
    assert torch.equal(narrower.run(theta[None], torch.zeros(1, 3).double()), torch.ones(1, 1, 2).double())


def test_opposite_relu_neurons_are_not_merged() -> None:
    architecture = mlp(widths=(2, 2, 1), activations=[Activation("relu")])
    theta = torch.tensor([1.0, 2.0, -1.0, -2.0, 0.5, -0.5, 1.0, 1.0, 0.0], dtype=torch.float64)
    assert narrowed(architecture, theta)[0] == architecture
    odd = mlp(widths=(2, 2, 1), activations=[Activation("tanh")])
    narrower, found = narrowed(odd, theta)
    assert narrower.stages[0].weighted.outputs == 1
    assert float(narrower.run(found[None], torch.ones(1, 2).double())) == pytest.approx(0)


def test_skips_and_outputs_are_refused() -> None:
    architecture, theta, _, generator = drawn("relu")
    with pytest.raises(ArchitectureError, match="layer 2 is no hidden one, expected 0 to 1"):
        with_unread_neurons(architecture, theta, layer=2, count=1, generator=generator)
    skipping = LayeredArchitecture(architecture.layers, (Skip(0, 1, 5),))
    with pytest.raises(ArchitectureError, match="without skip connections"):
        with_split_neurons(skipping, theta, layer=0, count=1, generator=generator)
    assert narrowed(skipping, theta)[0] is skipping
