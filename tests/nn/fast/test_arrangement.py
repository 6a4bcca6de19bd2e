"""The order of nodes and edges inside a metanetwork."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import Structure, to_graph
from scalegmn.networks import Activation, Role, mlp
from scalegmn.nn.fast._arrangement import Arrangement
from tests.nn.cases import case_of

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_stand_by_role(seed: int) -> None:
    at, graph = case_of(seed).at, case_of(seed).graph
    roles = at.neurons.take(graph.node_role)
    for part, role in zip(at.neurons.split(roles), Role, strict=True):
        assert (part == int(role)).all()
    for nodes, code in ((at.neurons.inputs, 0), (at.neurons.hidden, 1), (at.neurons.outputs, 2)):
        assert (roles[nodes] == code).all()
        assert nodes.stop - nodes.start == int((graph.node_role == code).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_restoring_undoes_arranging(seed: int) -> None:
    at, graph = case_of(seed).at, case_of(seed).graph
    nodes, edges = torch.randn(graph.num_nodes, 2), torch.randn(graph.num_edges, 2)
    assert torch.equal(at.neurons.restore(at.neurons.take(nodes)), nodes)
    assert torch.equal(at.restore_edges(at.edges(edges)), edges)


@pytest.mark.parametrize("seed", SEEDS)
def test_edges_join_the_same_nodes(seed: int) -> None:
    at, graph = case_of(seed).at, case_of(seed).graph
    assert torch.equal(at.neurons.order[at.source.index], at.edges(graph.edge_index[0]))
    assert torch.equal(at.neurons.order[at.target.index], at.edges(graph.edge_index[1]))


@pytest.mark.parametrize("seed", SEEDS)
def test_edges_stand_by_the_roles_of_their_ends(seed: int) -> None:
    at, graph = case_of(seed).at, case_of(seed).graph
    source = graph.node_role[graph.edge_index[0]][at.edge_order]
    target = graph.node_role[graph.edge_index[1]][at.edge_order]
    hidden = int(Role.hidden)
    assert (target[at.to_hidden] == hidden).all() and (target[at.to_output] == int(Role.output)).all()
    assert int((target == hidden).sum()) == at.to_hidden.stop
    assert (source[at.from_hidden] == hidden).all()
    assert int((source == hidden).sum()) == at.from_hidden.stop - at.from_hidden.start
    for reached, backward in ((target, False), (source, True)):
        seen = []
        for lane in at.lanes(backward=backward):
            assert ((reached[lane.edges] == hidden) == (lane.groups is not None)).all()
            assert (lane.receivers.index + lane.nodes.start < lane.nodes.stop).all()
            seen += range(lane.edges.start, lane.edges.stop)
        assert sorted(seen) == list(range(at.num_edges))


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_of_ends(seed: int) -> None:
    at, graph = case_of(seed).at, case_of(seed).graph
    target = graph.node_group[graph.edge_index[1]][at.edge_order]
    source = graph.node_group[graph.edge_index[0]][at.edge_order]
    for reached, backward in ((target, False), (source, True)):
        for lane in at.lanes(backward=backward, most=3):
            assert lane.edges.stop - lane.edges.start <= 3
            assert lane.groups is None or torch.equal(lane.groups.codes, reached[lane.edges])
    plain = Arrangement(Structure.from_graph(graph), symmetric=False)
    assert (plain.neurons.groups.sign, plain.neurons.groups.scale) == (False, False)


@pytest.mark.parametrize("seed", SEEDS)
def test_network_of_a_node(seed: int) -> None:
    case = case_of(seed)
    assert torch.equal(case.at.neurons.restore(case.at.neurons.network), case.graph.batch)
    assert case.at.neurons.num_graphs == len(case.networks)


def test_degree() -> None:
    relu, squared = (
        mlp(widths=(2, 3, 1), activations=[Activation(kind)]) for kind in ("relu", "relu_squared")
    )
    theta = torch.ones(relu.num_parameters)
    assert Arrangement(Structure.from_graph(to_graph(relu, theta)), symmetric=True).neurons.excess is None
    degree = Arrangement(Structure.from_graph(to_graph(squared, theta)), symmetric=True).neurons.excess
    assert degree is not None and degree.flatten().tolist() == [0, 0, 1, 1, 1, 0]


def test_one_network() -> None:
    linear = mlp(widths=(2, 1), activations=[])
    at = Arrangement(Structure.from_graph(to_graph(linear, torch.ones(3))), symmetric=True)
    assert at.neurons.num_graphs == 1 and at.neurons.network.tolist() == [0, 0, 0]
    assert at.neurons.hidden.start == at.neurons.hidden.stop == 2
    assert at.to_hidden == slice(0, 0) and at.from_hidden == slice(0, 0)
