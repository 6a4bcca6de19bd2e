from __future__ import annotations

import pytest
import torch

from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    run,
)
from scalegmn.trojans.repair.defenses import Tuning
from scalegmn.trojans.repair.defenses._channels import channels_of
from tests.trojans.repair.defenses.cases import ARCHITECTURE, clean_images, twins

RELU = Activate(Activation("relu"))
# A grouped convolution, a flattened map and a hidden dense layer.
WIDE = LayeredArchitecture(
    (
        Conv("a", 1, 4, (3, 3)),
        RELU,
        Conv("b", 4, 4, (3, 3), groups=2),
        RELU,
        Flatten((4, 4)),
        Dense("c", 64, 3),
        RELU,
        Dense("d", 3, 2),
    )
)


def taken_out(architecture: Architecture, theta: torch.Tensor, *numbers: int) -> dict[str, torch.Tensor]:
    channels = channels_of(architecture)
    gone = torch.zeros(len(theta), channels.count, dtype=torch.bool)
    gone[0, list(numbers)] = True
    return architecture.unflatten(channels.prune(theta, gone))


def test_exactly_the_named_channels_are_zeroed() -> None:
    theta = torch.rand(2, WIDE.num_parameters) + 0.1
    channels = channels_of(WIDE)
    assert channels.layer.tolist() == [0] * 4 + [1] * 4 + [2] * 3
    # Channel 3 of a, channel 1 of b, neuron 2 of c.
    found = taken_out(WIDE, theta, 3, 5, 10)
    expected = {name: value.clone() for name, value in WIDE.unflatten(theta).items()}
    expected["a.weight"][0, 3] = expected["a.bias"][0, 3] = 0
    # The second group of b reads channels 2 and 3 of a.
    expected["b.weight"][0, 2:, 1] = 0
    expected["b.weight"][0, 1] = expected["b.bias"][0, 1] = 0
    expected["c.weight"][0, :, 16:32] = 0
    expected["c.weight"][0, 2] = expected["c.bias"][0, 2] = 0
    expected["d.weight"][0, :, 2] = 0
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@pytest.mark.parametrize("number", [2, 5, 6, 7, 8, 9, 10])
def test_a_channel_is_silent_and_the_others_are_as_they_were(number: int) -> None:
    """As if nobody read it."""
    theta, inputs = twins()[:1], clean_images().inputs
    state = {name: value.clone() for name, value in ARCHITECTURE.unflatten(theta).items()}
    if number < 5:
        state["conv.1.weight"][:, :, number] = 0
    else:
        state["dense.weight"][:, :, number - 5] = 0
    expected = run(ARCHITECTURE, ARCHITECTURE.flatten(state, origin="test"), inputs)
    found = run(
        ARCHITECTURE, ARCHITECTURE.flatten(taken_out(ARCHITECTURE, theta, number), origin="test"), inputs
    )
    torch.testing.assert_close(found, expected)


def test_what_is_out_stays_out_in_training() -> None:
    theta = twins()
    channels = channels_of(ARCHITECTURE)
    gone = torch.zeros(4, channels.count, dtype=torch.bool)
    gone[:, [1, 8]] = True
    pruned = channels.prune(theta, gone)
    trained = Tuning(epochs=2, batch_size=8).train(ARCHITECTURE, pruned, clean_images(), seed=0)
    assert torch.equal(trained == 0, pruned == 0) and not torch.equal(trained, pruned)


def test_values_are_spread_over_parameters() -> None:
    channels = channels_of(ARCHITECTURE)
    spread = channels.spread(torch.arange(2, 13.0)[None], channels.incoming)
    state = ARCHITECTURE.unflatten(spread)
    assert torch.equal(state["conv.0.bias"][0], torch.arange(2, 7.0))
    assert torch.equal(state["conv.1.weight"][0, :, 4, 2, 2], torch.arange(7, 13.0))
    assert (state["dense.weight"] == 1).all() and (state["dense.bias"] == 1).all()
    for places, kind in ((channels.factor, "weight"), (channels.shift, "bias")):
        owned = ARCHITECTURE.unflatten((places < channels.count)[None])
        whole = {name for name, value in owned.items() if value.all()}
        assert whole == {f"conv.0.{kind}", f"conv.1.{kind}"}
        assert not any(value.any() for name, value in owned.items() if name not in whole)
    assert not channels.normed.any() and (channels.divisor == channels.count).all()
