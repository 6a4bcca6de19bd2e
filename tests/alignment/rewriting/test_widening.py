"""Neurons that are added to one layer."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment.rewriting import with_canceling_neurons, with_split_neurons, with_unread_neurons
from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activation, Conv, LayeredArchitecture, Skip, mlp
from scalegmn.seeding import generator

from .networks import NETWORKS, apart, drawn

WAYS = {"unread": with_unread_neurons, "split": with_split_neurons, "cancel": with_canceling_neurons}
ADDED = {"unread": 3, "split": 3, "cancel": 6}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_widening_keeps_the_function(name: str, way: str) -> None:
    architecture, theta, inputs = drawn(name)
    for layer in range(len(architecture.stages) - 1):
        wider, found = WAYS[way](architecture, theta, layer=layer, count=3, generator=generator(layer))
        widths = [stage.weighted.outputs for stage in architecture.stages]
        widths[layer] += ADDED[way]
        assert [stage.weighted.outputs for stage in wider.stages] == widths
        assert apart((architecture, theta), (wider, found), inputs) < 1e-11
        # Not trivial: what is added reads something, and where it is read it counts.
        state = wider.unflatten(found)
        assert bool((state[f"{wider.stages[layer].weighted.name}.weight"][-3:] != 0).all())
        read = state[f"{wider.stages[layer + 1].weighted.name}.weight"].unflatten(1, (widths[layer], -1))
        assert bool((read[:, -3:] != 0).all()) == (way != "unread")


def test_shares_differ_for_every_outgoing_weight() -> None:
    architecture, theta, _ = drawn("convolutions")
    wider, found = with_split_neurons(
        architecture, theta, layer=0, count=4, generator=generator(0), spread=1.0
    )
    name = architecture.stages[1].weighted.name
    before, after = (one.unflatten(x)[f"{name}.weight"] for one, x in ((architecture, theta), (wider, found)))
    shares = after[:, :4] / before
    assert len(shares.flatten().unique()) == shares.numel()
    assert float(shares.min()) < 0 and float(shares.max()) > 1


def test_copies_are_rescaled_and_shifted() -> None:
    architecture, theta, _ = drawn("sine")
    wider, found = with_split_neurons(architecture, theta, layer=0, count=5, generator=generator(1))
    state = wider.unflatten(found)
    bias = state[f"{wider.stages[0].weighted.name}.bias"]
    assert float(bias.abs().max()) > 1.01 * float(theta.abs().max())
    architecture, theta, _ = drawn("relu")
    wider, found = with_split_neurons(architecture, theta, layer=0, count=5, generator=generator(1))
    rows = wider.unflatten(found)[f"{wider.stages[0].weighted.name}.weight"].norm(dim=1)
    assert float(rows[5:].max() / rows[5:].min()) > 3 * float(rows[:5].max() / rows[:5].min())


def test_layers_beside_a_skip_connection_are_widened() -> None:
    architecture = mlp(widths=(3, 4, 5, 4, 2), activations=[Activation("relu")] * 3)
    skipping = LayeredArchitecture(architecture.layers, (Skip(0, 2, 3),))
    theta = torch.randn(skipping.num_parameters, generator=generator(2), dtype=torch.float64)
    inputs = torch.randn(6, 3, generator=generator(3), dtype=torch.float64)
    wider, found = with_split_neurons(skipping, theta, layer=1, count=4, generator=generator(4))
    assert apart((skipping, theta), (wider, found), inputs) < 1e-12 and wider.skips == skipping.skips
    for layer in (0, 2):
        with pytest.raises(ArchitectureError, match=f"a skip connection ends at layer {layer}"):
            with_split_neurons(skipping, theta, layer=layer, count=1, generator=generator(4))


def test_what_cannot_be_widened_is_refused() -> None:
    architecture, theta, _ = drawn("relu")
    with pytest.raises(ArchitectureError, match="layer 2 is no hidden one, expected 0 to 1, of 3-5-6-2"):
        with_unread_neurons(architecture, theta, layer=2, count=1, generator=generator(0))
    grouped = LayeredArchitecture((Conv("a", 2, 4, (1, 1), groups=2), Conv("b", 4, 1, (1, 1))))
    with pytest.raises(ArchitectureError, match="a convolution in groups stands at layer 0"):
        with_unread_neurons(grouped, torch.ones(13), layer=0, count=1, generator=generator(0))
    softmax = mlp(widths=(2, 3, 1), activations=[Activation("softmax")])
    with pytest.raises(ArchitectureError, match="reads all of its neurons at once"):
        with_unread_neurons(softmax, torch.ones(13), layer=0, count=1, generator=generator(0))
