"""One wide network computes the mean of several."""

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Dense,
    LayeredArchitecture,
    Skip,
    cnn,
    mean_architecture,
    mean_parameters,
    mlp,
    run,
    siren,
)
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements, draw_pair
from scalegmn.testing.parameters import random_parameters

RELU = Activation("relu")
NETWORKS = [
    siren(widths=(2, 5, 4, 3), frequency=3.0),
    mlp(widths=(2, 6, 1), activations=[Activation("tanh")]),
    mlp(widths=(3, 5, 4, 2), activations=[RELU, RELU], shift=0.5),
    mlp(widths=(3, 2), activations=[]),
    LayeredArchitecture((Dense("a", 2, 3, bias=False), Activate(RELU), Dense("b", 3, 2, bias=False))),
]


def outputs(architecture: Architecture, theta: torch.Tensor) -> torch.Tensor:
    points = torch.randn(9, architecture.num_inputs, generator=generator(1), dtype=torch.float64)
    return run(architecture, theta, points)


@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda network: network.describe())
def test_it_computes_the_mean_exactly(architecture: LayeredArchitecture) -> None:
    k, count = 3, 4
    rows = random_parameters(architecture, k * count, generator=generator(0))
    theta = rows.unflatten(0, (k, count))
    wide = mean_architecture(architecture, k)
    found = outputs(wide, mean_parameters(architecture, theta))
    each = torch.stack([outputs(architecture, one) for one in theta])
    torch.testing.assert_close(found, each.mean(0), rtol=1e-12, atol=1e-12)
    assert len(architecture.stages) == 1 or (found - each[0]).abs().max() > 1e-3
    # Of one network, without a batch.
    alone = mean_parameters(architecture, theta[:, 0])
    torch.testing.assert_close(alone, mean_parameters(architecture, theta)[0], rtol=0, atol=0)


def test_networks_may_be_moved_one_by_one() -> None:
    architecture = NETWORKS[2]
    theta = random_parameters(architecture, 8, generator=generator(2))
    pair = draw_pair(architecture, theta, generator=generator(3), elements=Elements())
    before, after = (
        mean_parameters(architecture, rows.unflatten(0, (2, 4))) for rows in (pair.theta, pair.moved)
    )
    wide = mean_architecture(architecture, 2)
    assert (before - after).abs().max() > 0.1
    torch.testing.assert_close(outputs(wide, after), outputs(wide, before), rtol=1e-9, atol=1e-9)


def test_one_network_stays_as_it_is() -> None:
    network = cnn(activations=[RELU] * 3)
    theta = torch.randn(1, 2, network.num_parameters)
    assert mean_architecture(network, 1) is network
    assert torch.equal(mean_parameters(network, theta), theta[0])


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (cnn(channels=(1, 4, 4), activations=[RELU] * 2), "has Conv layers"),
        (LayeredArchitecture((*NETWORKS[2].layers,), (Skip(0, 1, 2),)), "has skip connections"),
        (
            LayeredArchitecture(
                (Dense("a", 2, 3), Activate(Activation("prelu"), "p", 1), Dense("b", 3, 1)),
            ),
            "has Activate layers",
        ),
    ],
)
def test_what_cannot_stand_side_by_side_is_refused(network: Architecture, found: str) -> None:
    with pytest.raises(ArchitectureError, match=found):
        mean_architecture(network, 2)
