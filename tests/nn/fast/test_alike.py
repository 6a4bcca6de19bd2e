"""Nodes that cannot be told apart, and pairs of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch, Structure, to_graph
from scalegmn.models import Direction
from scalegmn.networks import Activation, mlp
from scalegmn.nn._scale_layer import EdgeUpdate, ScaleMessagePassing
from scalegmn.nn.fast._alike import Pairs, alike_nodes
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._edge_maps import EdgeMap
from scalegmn.nn.fast._execute import edge_update, node_invariants
from scalegmn.nn.fast._factored import Factored
from scalegmn.nn.fast._state import FastState
from scalegmn.seeding import generator
from tests.models.cases import editor_of, mixed_batch
from tests.nn.cases import assert_different, assert_equal
from tests.nn.start_cases import first_of, networks_named, wide

NAMES = ("relu", "relu cnn", "mixed")


def arranged(kind: str = "relu", *, symmetric: bool = True) -> Arrangement:
    """Of an input, four hidden neurons and an output."""
    made = mlp(widths=(1, 4, 1), activations=[Activation(kind)])
    return Arrangement(
        Structure.from_graph(to_graph(made, torch.ones(made.num_parameters))), symmetric=symmetric
    )


def biases(*hidden: float) -> Tensor:
    return torch.tensor([0.0, *hidden, 0.0], dtype=torch.float64)


def first_update(name: str, direction: Direction) -> tuple[EdgeUpdate, FastState, Arrangement]:
    """The edge update of a first layer that writes all edges, and what it is given."""
    networks = networks_named(name)
    editor = editor_of(networks, wide(name, direction=direction))
    state, step = first_of(editor.backbone, mixed_batch(networks))
    layer = editor.backbone.layers[0]
    assert isinstance(layer, ScaleMessagePassing) and layer.edge_update is not None
    assert step.written.at is step.at
    return layer.edge_update, state, step.at


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("name", NAMES)
def test_alike_nodes_have_the_same_invariants(name: str, direction: Direction) -> None:
    update, state, at = first_update(name, direction)
    assert state.start is not None and state.start.alike is not None
    alike, z = state.start.alike, node_invariants(update.invariants, state.primal, state.dual, at.neurons)
    numbers, places = alike.unique(return_inverse=True)
    examples = torch.empty_like(numbers)
    examples[places] = torch.arange(at.num_nodes)
    assert_equal(z, z[examples[places]])
    shared = torch.bincount(places)[places] > 1
    assert shared[at.scaled].float().mean() > 0.9 and not shared[~at.scaled].any()
    # Nodes of one kind with other signs differ: 0, negative and positive biases of one layer.
    first = at.kinds.of_rows == at.kinds.of_rows[at.neurons.hidden.start]
    groups = [int(node) for node in examples if first[node]]
    assert len(groups) == 3
    for one in groups:
        for other in groups:
            assert one == other or (z[one] - z[other]).abs().max() > 1e-3


def test_signs_of_biases_by_hand() -> None:
    at = arranged()
    alike = alike_nodes(biases(0.5, -3.0, 0.0, -0.01), at)
    assert alike is not None and alike.dtype == torch.int64
    numbers = alike.tolist()
    assert numbers[2] == numbers[4], "both negative"
    assert len(set(numbers)) == 5


def test_networks_of_a_batch_share_kinds_and_layers_do_not() -> None:
    made = mlp(widths=(1, 2, 2, 1), activations=[Activation("relu")] * 2)
    at = Arrangement(
        Structure.from_graph(NetworkBatch.from_parameters(made, torch.ones(2, made.num_parameters)).graph),
        symmetric=True,
    )
    alike = alike_nodes(torch.ones(12), at)
    assert alike is not None
    first, second = alike[at.neurons.hidden].tolist()[:4], alike[at.neurons.hidden].tolist()[4:]
    assert len(set(first)) == len(set(second)) == 1 and first[0] != second[0]
    # Inputs and outputs are alone.
    assert len(set(alike.tolist())) == 2 + 4


@pytest.mark.parametrize("size", [1e-20, 1e-16, 1e16, 1e20, float("inf"), float("nan")])
def test_unsure_for_sizes_that_leave_the_range(size: float) -> None:
    for bias in (size, -size):
        assert alike_nodes(biases(1.0, bias, 1.0, 0.0), arranged()) is None
    # The other end of a sign is its own: sizes of nodes that do not scale do not matter.
    outer = torch.tensor([size, 1.0, -1.0, 1.0, 0.0, size], dtype=torch.float64)
    assert alike_nodes(outer, arranged()) is not None


@pytest.mark.parametrize("size", [1e-15, 1e-3, 1e15])
def test_sure_within_the_range(size: float) -> None:
    assert alike_nodes(biases(size, -size, 0.0, 1.0), arranged()) is not None


def test_nothing_is_alike_without_scales() -> None:
    bias = biases(1.0, 2.0, 0.0, -1.0)
    assert alike_nodes(bias, arranged("tanh")) is None
    assert alike_nodes(bias, arranged(symmetric=False)) is None
    # Linear networks have scales, and signs besides.
    assert alike_nodes(bias, arranged("identity")) is not None


def test_a_broken_network_spoils_no_other() -> None:
    made = mlp(widths=(1, 6, 6, 1), activations=[Activation("relu")] * 2)
    theta = torch.randn(4, made.num_parameters, generator=generator(0), dtype=torch.float64)
    theta[:, made.parameter("0.bias").start : made.parameter("0.bias").stop] = 0
    editor = editor_of([(made, theta)], wide("relu"))
    good = editor.edit(NetworkBatch.from_parameters(made, theta)).single[1]
    broken = theta.clone()
    broken[3, made.parameter("0.bias").start] = torch.nan
    found = editor.edit(NetworkBatch.from_parameters(made, broken)).single[1]
    assert found[3].isnan().any()
    assert_equal(found[:3], good[:3])


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("name", NAMES)
def test_factors_of_pairs_are_those_of_edges(name: str, direction: Direction) -> None:
    update, state, at = first_update(name, direction)
    assert state.start is not None and state.start.alike is not None
    alike = state.start.alike
    pairs = Pairs.from_codes(alike, at)
    assert pairs is not None and 2 * len(pairs.targets) <= at.num_edges
    assert torch.equal(pairs.of_edges.gather(alike[pairs.targets]), alike[at.target.index])
    assert torch.equal(pairs.of_edges.gather(alike[pairs.sources]), alike[at.source.index])
    assert isinstance(state.edges, Factored)
    edges = EdgeMap(state.edges.materialize().detach())
    x, u = state.primal, state.dual
    shared, alone = edge_update(update, edges, x, u, at, pairs), edge_update(update, edges, x, u, at)
    assert_equal(shared, alone)
    upward = torch.randn(alone.shape, generator=generator(2), dtype=torch.float64)
    parameters = list(update.parameters())
    found, expected = (
        torch.autograd.grad(made, parameters, upward, retain_graph=True) for made in (shared, alone)
    )
    largest = max(gradient.abs().max() for gradient in expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-11 * largest
    # Pairs of nodes that differ would be another thing.
    wrong = Pairs.from_codes(torch.zeros_like(alike), at)
    assert wrong is not None
    assert_different(edge_update(update, edges, x, u, at, wrong), alone)


def test_pairs_by_hand() -> None:
    at = arranged()
    alike = torch.tensor([9, 1, 1, 1, 2, 5])
    pairs = Pairs.from_codes(alike, at)
    # Of eight edges: three and one out of the input, three and one into the output.
    assert pairs is not None and pairs.of_edges.size == 4
    ends = [(int(alike[a]), int(alike[b])) for a, b in zip(pairs.targets, pairs.sources, strict=True)]
    assert sorted(ends) == [(1, 9), (2, 9), (5, 1), (5, 2)]
    assert sorted(pairs.of_edges.counts.flatten().tolist()) == [1, 1, 3, 3]


def test_no_pairs_where_hardly_any_two_are_equal() -> None:
    at = arranged()
    assert Pairs.from_codes(torch.arange(6), at) is None
    # Five pairs among eight edges are too many, four are not.
    assert Pairs.from_codes(torch.tensor([0, 1, 1, 2, 3, 4]), at) is None
    assert Pairs.from_codes(torch.tensor([0, 1, 1, 2, 2, 4]), at) is not None
