from __future__ import annotations

import pytest
import torch

from scalegmn import SymmetryAction
from scalegmn.alignment.rewriting import Rewriting, cancellation, reduce, rewrite
from scalegmn.networks import Activation, LayeredArchitecture, cnn, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

NETWORKS = [
    mlp(widths=(3, 8, 6, 2), activations=[Activation("relu"), Activation("relu")]),
    mlp(widths=(3, 8, 6, 2), activations=[Activation("tanh"), Activation("relu")]),
    cnn(channels=(1, 4, 5), activations=[Activation("relu"), Activation("gelu")]),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.describe())
def test_rewritten_networks_have_little_and_the_group_none(network: LayeredArchitecture) -> None:
    theta = torch.randn(network.num_parameters, generator=generator(0), dtype=torch.float64)
    assert cancellation(network, theta) == 1
    wider, rewritten = rewrite(network, theta, rewriting=Rewriting(neurons=4))
    found = cancellation(wider, rewritten)
    assert 1 <= found < 30 and reduce(wider, rewritten)[0] == network
    action = SymmetryAction(wider)
    moved = action.apply(rewritten[None], action.draw(generator=generator(1), spread=100.0))[0]
    assert cancellation(wider, moved, tolerance=1e-9) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("size", [10.0, 1e4, 1e8])
def test_copies_with_large_weights_of_both_signs_are_found(size: float) -> None:
    network = NETWORKS[0]
    theta = torch.randn(network.num_parameters, generator=generator(0), dtype=torch.float64)
    state = network.unflatten(theta)
    pair = torch.tensor([[size, -size]], dtype=torch.float64).expand(6, 2)
    row = torch.randn(1, 3, generator=generator(1), dtype=torch.float64)
    wide = mlp(widths=(3, 10, 6, 2), activations=[Activation("relu"), Activation("relu")])
    state["0.weight"] = torch.cat([state["0.weight"], row, 3 * row])
    state["0.bias"] = torch.cat([state["0.bias"], torch.ones(1).double(), 3 * torch.ones(1).double()])
    state["2.weight"] = torch.cat(
        [state["2.weight"], pair * torch.tensor([1.0, 1 / 3], dtype=torch.float64)], dim=1
    )
    rewritten = wide.flatten(state)
    assert reduce(wide, rewritten)[0] == network
    assert size / 10 < cancellation(wide, rewritten) < 100 * size


def test_many_copies_count_together() -> None:
    """Each adds no more than other neurons do, and what they add together cancels but for rounding."""
    network = NETWORKS[0]
    theta = torch.randn(network.num_parameters, generator=generator(0), dtype=torch.float64)
    found = []
    for count in (10, 1000):
        state = network.unflatten(theta)
        row = torch.randn(1, 3, generator=generator(1), dtype=torch.float64)
        wide = mlp(widths=(3, 8 + count, 6, 2), activations=[Activation("relu"), Activation("relu")])
        signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(6, count // 2)
        state["0.weight"] = torch.cat([state["0.weight"], row.expand(count, -1)])
        state["0.bias"] = torch.cat([state["0.bias"], torch.ones(count).double()])
        state["2.weight"] = torch.cat([state["2.weight"], signs], dim=1)
        rewritten = wide.flatten(state)
        assert reduce(wide, rewritten)[0] == network
        found.append(cancellation(wide, rewritten))
    assert found[0] < 10 and found[1] > 50 * found[0]


def test_programs_are_not_merged() -> None:
    program = ProgramArchitecture.from_module(torch.nn.Linear(3, 2), torch.zeros(1, 3))
    assert cancellation(program, torch.zeros(program.num_parameters)) == 1
