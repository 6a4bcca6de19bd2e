from __future__ import annotations

import numpy as np
import torch

from scalegmn.networks import Activation, cnn, mlp
from scalegmn.trojans.repair.defenses import ChannelLipschitz
from scalegmn.trojans.repair.defenses._channel_lipschitz import channel_bounds
from scalegmn.trojans.repair.defenses._channels import channels_of
from tests.trojans.repair.defenses.cases import ARCHITECTURE, twins

WIDE = cnn(channels=(1, 12, 12), classes=3, activations=[Activation("relu")] * 2)


def test_bounds_are_largest_singular_values() -> None:
    theta = twins()
    found = channel_bounds(ARCHITECTURE, theta)
    state = ARCHITECTURE.unflatten(theta)
    for name, bounds in zip(("conv.0", "conv.1"), found, strict=True):
        for network in range(4):
            for channel, kernel in enumerate(state[f"{name}.weight"][network].numpy()):
                expected = np.linalg.svd(kernel.reshape(len(kernel), 9), compute_uv=False)[0]
                np.testing.assert_allclose(float(bounds[network, channel]), expected, rtol=1e-5)
    dense = mlp(widths=(4, 3, 2), activations=[Activation("relu")])
    (bounds,) = channel_bounds(dense, torch.arange(23.0)[None])
    torch.testing.assert_close(bounds[0], torch.arange(12.0).view(3, 4).norm(dim=1))


def test_a_channel_that_stands_out_is_taken_out_and_no_other() -> None:
    theta = torch.randn(2, WIDE.num_parameters, generator=torch.Generator().manual_seed(0))
    state = WIDE.unflatten(theta)
    state["conv.1.weight"][0, 7] *= 30
    theta = WIDE.flatten(state, origin="test")
    gone = torch.zeros(2, 24, dtype=torch.bool)
    gone[0, 12 + 7] = True
    found = ChannelLipschitz().repair(WIDE, theta, images=None, seed=0)
    assert torch.equal(found, channels_of(WIDE).prune(theta, gone))


def test_deviations_are_those_of_the_layer() -> None:
    theta = twins()
    gone = ChannelLipschitz(deviations=0.5).gone(ARCHITECTURE, theta)
    for layer, bounds in enumerate(channel_bounds(ARCHITECTURE, theta)):
        mine = gone[:, channels_of(ARCHITECTURE).layer == layer]
        values = bounds.numpy()
        limits = values.mean(axis=1) + 0.5 * values.std(axis=1, ddof=1)
        assert mine.tolist() == (values > limits[:, None]).tolist()
    assert gone.any()
    one = mlp(widths=(4, 1, 2), activations=[Activation("relu")])
    alone = torch.ones(1, one.num_parameters)
    assert torch.equal(ChannelLipschitz(deviations=0.0).repair(one, alone, images=None, seed=0), alone)
