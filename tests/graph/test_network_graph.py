"""The data type: a PyG Data that batches, loads, slices and checks itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Constant

from scalegmn.errors import GraphError
from scalegmn.graph import FIELDS, NetworkGraph, to_graph
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_networks, random_parameters

MLP = mlp(widths=(2, 3, 1), activations=[Activation("relu")])


def mixed() -> list[NetworkGraph]:
    networks = random_networks(generator=generator(0), architectures=8, count=2)
    return [
        to_graph(architecture, row, label=torch.tensor([number]))
        for number, (architecture, theta) in enumerate(networks)
        for row in theta
    ]


def small() -> NetworkGraph:
    return to_graph(MLP, random_parameters(MLP, 1, generator=generator(0))[0])


def test_mixed_architectures_in_one_batch() -> None:
    graphs = mixed()
    batch = Batch.from_data_list(graphs)
    assert isinstance(batch, NetworkGraph)
    batch.check()
    assert batch.num_graphs == len(graphs) and graphs[0].num_graphs == 1
    assert batch.num_nodes == sum(graph.num_nodes for graph in graphs)
    for field in FIELDS:
        if not field.is_index:
            assert torch.equal(batch[field.name], torch.cat([graph[field.name] for graph in graphs]))
    # Edges stay within their network.
    assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
    assert torch.equal(batch.y, torch.cat([graph.y for graph in graphs]))


def test_slicing_gives_the_graphs_back() -> None:
    graphs = mixed()
    batch = Batch.from_data_list(graphs)
    for number, graph in enumerate(graphs):
        again = batch[number]
        assert isinstance(again, NetworkGraph)
        again.check()
        assert all(torch.equal(again[field.name], graph[field.name]) for field in FIELDS)
    assert [g.num_nodes for g in batch.index_select([3, 1])] == [graphs[3].num_nodes, graphs[1].num_nodes]


def test_dataloader() -> None:
    graphs = mixed()
    batches = list(DataLoader(graphs, batch_size=5, shuffle=False))
    assert [batch.num_graphs for batch in batches] == [5, 5, 5, 1]
    assert torch.equal(
        torch.cat([batch.tap_weight for batch in batches]), torch.cat([g.tap_weight for g in graphs])
    )
    for batch in batches:
        batch.check()


def test_transforms_and_moves() -> None:
    graph = Constant(value=2.0)(small())
    assert graph.x.shape == (graph.num_nodes, 1)
    moved = small().to("cpu").clone()
    moved.check()
    assert moved.num_nodes == 6


def test_edge_taps() -> None:
    graph = small()
    assert torch.equal(graph.edge_taps, torch.ones(9, dtype=torch.long))


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_check_finds_what_is_wrong(field: Any) -> None:
    graph = small()
    del graph[field.name]
    with pytest.raises(GraphError, match=rf"lacks the fields \['{field.name}'\]"):
        graph.check()
    other = torch.int32 if field.floating else torch.float32
    graph = small()
    graph[field.name] = graph[field.name].to(other)
    with pytest.raises(GraphError, match=rf"{field.name}.*torch\.{'int32' if field.floating else 'float32'}"):
        graph.check()
    if field.name not in ("edge_index", "edge_kernel", "node_role"):
        graph = small()
        graph[field.name] = graph[field.name][:-1]
        with pytest.raises(GraphError, match=f"field '{field.name}' has shape.*with {field.rows} = "):
            graph.check()
    if field.floating:
        for bad in (torch.nan, torch.inf):
            graph = small()
            graph[field.name] = graph[field.name].clone()
            graph[field.name][0] = bad
            with pytest.raises(GraphError, match=f"{field.name}.*NaN or infinite"):
                graph.check()


def test_check_finds_a_wrong_count() -> None:
    for name in ("edge_index", "edge_kernel", "node_role"):
        graph = small()
        graph[name] = graph[name][:, :-1] if name == "edge_index" else graph[name][:-1]
        with pytest.raises(GraphError, match="has shape"):
            graph.check()
