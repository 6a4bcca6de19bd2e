"""Models that read graphs, or flat parameters; `test_assertions.py` has more about graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.graph import NetworkGraph
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.testing import (
    FlatParameters,
    Graphs,
    assert_equivariant,
    assert_invariant,
    random_parameters,
    symmetry_error,
)

TANH = mlp(widths=(2, 4, 3, 2), activations=[Activation("tanh")] * 2)
THETA = random_parameters(TANH, 5, generator=generator(0))


def test_flat_parameters() -> None:
    networks = FlatParameters(TANH, THETA)
    report = assert_invariant(lambda theta: theta.abs().sum(1), networks, generator=generator(1), draws=3)
    assert report.group == "permutations of 7 hidden neurons, signs of 7"
    assert report.elements == 15
    assert assert_equivariant(torch.tanh, networks, generator=generator(1)).error < 1e-12
    # A matrix of the shape of the parameters may also be an output that should stay.
    assert_invariant(lambda theta: theta.abs().sort(dim=1).values, networks, generator=generator(1))
    with pytest.raises(AssertionError, match=r"equivariance.*parameter '\d\.(weight|bias)'"):
        assert_equivariant(lambda theta: theta.flip(1), networks, generator=generator(1))
    with pytest.raises(SymmetryError, match="expected one row for each of the 10 networks"):
        assert_invariant(lambda theta: theta.sum(), networks, generator=generator(1))


def test_pairs_are_graphs() -> None:
    def biases(graph: NetworkGraph) -> Tensor:
        return graph.node_bias.abs().reshape(graph.num_graphs, -1).sum(1)

    assert symmetry_error(biases, [(TANH, THETA)], generator=generator(1)) == symmetry_error(
        biases, Graphs([(TANH, THETA)]), generator=generator(1)
    )


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        (3, "networks are a int, expected WeightLists"),
        ([TANH], "expected WeightLists, StateDicts"),
        ([(3, THETA)], "begins with a int, expected an Architecture"),
        (
            [(TANH, THETA[0])],
            r"are a tensor of shape \(35,\), expected a tensor \(B, 35\); Architecture.flatten",
        ),
        ([(TANH, THETA.long())], "expected floating point"),
        ([(TANH, THETA), (TANH, THETA.float())], "several precisions"),
    ],
)
def test_networks_that_do_not_fit(networks: object, message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        assert_invariant(lambda graph: graph, networks, generator=generator(1))  # type: ignore[arg-type]


def test_precisions_without_a_tolerance() -> None:
    networks = FlatParameters(TANH, THETA.bfloat16())
    with pytest.raises(SymmetryError, match=r"no tolerance is known for torch.bfloat16; give tolerance="):
        assert_invariant(lambda theta: theta.abs().sum(1), networks, generator=generator(1))
