"""Checks of metanetworks on networks of any kind."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import SymmetryError
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.testing import (
    PERMUTATIONS,
    FlatParameters,
    Graphs,
    Modules,
    StateDicts,
    assert_equivariant,
    assert_invariant,
    symmetry_error,
)


class Normalized(nn.Module):
    """Two inputs, a batch norm, a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)
        self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        x = self.norm(self.first(x)).relu() + shift
        return self.last((x + self.inner(x)).relu())


def modules(count: int = 3) -> list[nn.Module]:
    found = []
    for seed in range(count):
        module, numbers = Normalized().double().eval(), generator(seed)
        with torch.no_grad():
            for value in module.state_dict().values():
                if value.is_floating_point():
                    value.copy_(torch.rand(value.shape, generator=numbers).double() + 0.1)
        found.append(module)
    return found


EXAMPLE = (torch.zeros(1, 3).double(), torch.zeros(1, 1).double())


def by_norm(module: nn.Module) -> Tensor:
    """Hidden neurons by what batch norm makes of them: neither scales of its input nor order matter."""
    ratio = module.norm.running_mean - module.first.bias
    weights = module.first.weight / ratio[:, None]
    return weights.square().sum(1).sort().values


def by_size(module: nn.Module) -> Tensor:
    """Blind for order, not for scales."""
    return module.first.weight.square().sum().reshape(1)


@pytest.mark.slow
def test_modules_of_any_class() -> None:
    report = assert_invariant(by_norm, Modules(modules(), example_inputs=EXAMPLE), generator=generator(0))
    assert report.elements == 3
    assert report.function_change is not None
    assert report.function_change < 1e-12
    # Of every channel, that of what is normed and that of the deviation; behind the sum all is fixed.
    assert report.group == "permutations of 4 channels, 8 free positive scales, 4 free signs"
    assert symmetry_error(by_size, Modules(modules(), example_inputs=EXAMPLE), generator=generator(0)) > 0.1


@pytest.mark.slow
def test_permutations_alone() -> None:
    networks = Modules(modules(), example_inputs=EXAMPLE)
    report = assert_invariant(by_size, networks, generator=generator(0), elements=PERMUTATIONS)
    assert report.group == "permutations of 4 channels"


@pytest.mark.slow
def test_a_model_that_is_not_invariant_is_named() -> None:
    with pytest.raises(AssertionError, match="does not hold: relative error"):
        assert_invariant(by_size, Modules(modules(), example_inputs=EXAMPLE), generator=generator(0))


def program() -> tuple[ProgramArchitecture, Tensor]:
    architecture = ProgramArchitecture.from_module(modules(1)[0], EXAMPLE)
    return architecture, torch.stack([architecture.read_state(one.state_dict()) for one in modules()])


def test_flat_parameters_and_graphs_and_state_dicts() -> None:
    architecture, theta = program()
    assert assert_equivariant(
        lambda theta: 2 * theta, FlatParameters(architecture, theta), generator=generator(0)
    ).holds
    assert (
        symmetry_error(lambda theta: theta + 1, FlatParameters(architecture, theta), generator=generator(0))
        > 0.1
    )

    def per_network(graph: object) -> Tensor:
        return torch.zeros(graph.num_graphs, dtype=torch.float64).index_add(0, graph.batch, graph.node_bias)

    assert symmetry_error(per_network, Graphs([(architecture, theta)]), generator=generator(0)) > 0.1
    states = [copy.deepcopy(one.state_dict()) for one in modules()]
    networks = StateDicts(states, architecture=architecture)
    invariant = assert_invariant(
        lambda state: (
            (state["first.weight"] / (state["norm.running_mean"] - state["first.bias"])[:, None])
            .square()
            .sum(1)
            .sort()
            .values
        ),
        networks,
        generator=generator(0),
    )
    assert invariant.holds


def test_an_architecture_and_an_example_are_refused() -> None:
    architecture, _ = program()
    with pytest.raises(SymmetryError, match="give it or an example, not both"):
        Modules(modules(), architecture=architecture, example_inputs=EXAMPLE)
