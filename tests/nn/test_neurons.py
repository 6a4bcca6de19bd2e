"""Neurons sorted by role, and the edges between them."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import Structure, to_graph
from scalegmn.networks import Activation, Role, mlp
from scalegmn.nn._neurons import Neurons, SortedGraph
from tests.nn.cases import case_of


@pytest.mark.parametrize("seed", range(4))
def test_a_sorted_batch(seed: int) -> None:
    graph = case_of(seed).graph
    found = SortedGraph.from_structure(Structure.from_graph(graph), symmetric=True)
    neurons = found.neurons
    for part, role in zip(neurons.split(neurons.take(graph.node_role)), Role, strict=True):
        assert (part == int(role)).all()
    assert torch.equal(neurons.order[found.source], graph.edge_index[0])
    assert torch.equal(neurons.order[found.target], graph.edge_index[1])
    field = torch.randn(graph.num_nodes, 2)
    assert torch.equal(neurons.restore(neurons.take(field)), field)
    assert torch.equal(neurons.restore(neurons.network), graph.batch)
    assert neurons.count == graph.num_nodes and neurons.num_graphs == len(case_of(seed).networks)
    fields = {"layer": neurons.layer, "position": neurons.position, "activation": neurons.activation}
    for name, rows in fields.items():
        assert torch.equal(neurons.restore(rows), graph[f"node_{name}"])


def test_inputs_and_outputs_have_no_group() -> None:
    graph = to_graph(mlp(widths=(2, 3, 1), activations=[Activation("relu")]), torch.ones(13))
    neurons = Neurons(Structure.from_graph(graph), symmetric=True)
    assert neurons.groups.codes.tolist() == [2, 2, 2]
    assert neurons.all_groups.codes.tolist() == [0, 0, 2, 2, 2, 0]
    assert neurons.is_hidden.flatten().tolist() == [False, False, True, True, True, False]
    assert neurons.excess is None
    blind = Neurons(Structure.from_graph(graph), symmetric=False)
    assert blind.groups.codes.tolist() == [0, 0, 0]


def test_some_neurons() -> None:
    graph = to_graph(mlp(widths=(2, 3, 1), activations=[Activation("relu_squared")]), torch.ones(13))
    some = Neurons(Structure.from_graph(graph), symmetric=True, order=torch.tensor([1, 3, 5]))
    assert [len(part) for part in some.split(torch.arange(3))] == [1, 1, 1]
    assert some.position.tolist() == [1, 1, 0] and some.layer.tolist() == [0, 1, 2]
    assert some.excess is not None and some.excess.flatten().tolist() == [0, 1, 0]
