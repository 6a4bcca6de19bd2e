"""What a graph is apart from its parameters."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from scalegmn.graph import FIELDS, NetworkGraph, Structure, batch_graphs, to_graph
from scalegmn.graph._structure import TENSORS
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_networks, random_parameters

RELU = Activation("relu")
DEEP, SHALLOW = mlp(widths=(2, 3, 4, 1), activations=[RELU] * 2), mlp(widths=(1, 2, 5), activations=[RELU])
LINEAR = mlp(widths=(3, 2), activations=[])
CNN = cnn(channels=(1, 2), classes=3, activations=[RELU])


def graph_of(*architectures: Architecture) -> NetworkGraph:
    graphs = [to_graph(made, torch.ones(made.num_parameters)) for made in architectures]
    batch: NetworkGraph = Batch.from_data_list(graphs)
    return batch


def test_all_fields_but_those_of_parameters() -> None:
    names = {field.name for field in FIELDS}
    assert names - set(TENSORS) == {"tap_weight", "node_bias", "node_value"}
    assert set(TENSORS) - names == {"node_network"}


@pytest.mark.parametrize("seed", range(3))
def test_the_tensors_are_those_of_the_graph(seed: int) -> None:
    architecture, theta = random_networks(generator=generator(seed), architectures=1)[0]
    batch = batch_graphs(architecture, theta)
    structure = Structure.from_graph(batch)
    assert structure.num_graphs == len(theta) and structure.node_network is batch.batch
    for name, tensor in zip(TENSORS, structure.tensors, strict=True):
        assert getattr(structure, name) is tensor
        assert name == "node_network" or tensor is batch[name]


@pytest.mark.parametrize("seed", range(3))
def test_other_parameters_are_the_same_structure(seed: int) -> None:
    architecture = random_networks(generator=generator(seed), architectures=1)[0][0]
    one, other = (
        Structure.from_graph(
            batch_graphs(architecture, random_parameters(architecture, 2, generator=generator(s)))
        )
        for s in (1, 2)
    )
    assert all(torch.equal(*pair) for pair in zip(one.tensors, other.tensors, strict=True))


def test_one_network() -> None:
    graph = to_graph(SHALLOW, torch.ones(SHALLOW.num_parameters))
    structure = Structure.from_graph(graph)
    assert structure.num_graphs == 1 and structure.node_network.tolist() == [0] * 8
    assert structure.edge_index is graph.edge_index


@pytest.mark.parametrize(
    ("architectures", "inputs", "outputs", "hidden"),
    [
        ((DEEP,), 2, 1, 2),
        ((SHALLOW,), 1, 5, 1),
        ((LINEAR,), 3, 2, 0),
        ((CNN,), 1, 3, 1),
        ((LINEAR, DEEP, SHALLOW), 3, 5, 2),
        ((SHALLOW, CNN), 1, 5, 1),
    ],
)
def test_the_most_of_all_networks(
    architectures: tuple[Architecture, ...], inputs: int, outputs: int, hidden: int
) -> None:
    structure = Structure.from_graph(graph_of(*architectures))
    assert structure.most == {"inputs": inputs, "outputs": outputs, "hidden layers": hidden}


def test_taps_of_edges() -> None:
    # Two kernels of 3x3, then a dense layer of 2x3 weights.
    graph = graph_of(CNN, LINEAR)
    structure = Structure.from_graph(graph)
    assert structure.edge_taps.tolist() == [9] * 2 + [1] * 6 + [1] * 6
    assert int(structure.edge_taps.sum()) == graph.tap_weight.numel()
    assert torch.equal(structure.edge_taps, graph.edge_taps)
