from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from scalegmn.errors import GraphError
from scalegmn.graph import FIELDS, NetworkBatch, to_graph
from scalegmn.networks import Activation, Architecture, cnn, siren
from scalegmn.seeding import generator

SMALL, LARGE = siren(widths=(2, 3, 1)), siren(widths=(2, 4, 5, 1))
CNN = cnn(channels=(1, 3, 4), classes=5, activations=[Activation("relu"), Activation("tanh")])


def theta(architecture: Architecture, count: int) -> torch.Tensor:
    return torch.randn(count, architecture.num_parameters, generator=generator(0))


def mixed() -> NetworkBatch:
    parts = tuple((a, theta(a, count)) for a, count in ((SMALL, 2), (CNN, 1), (LARGE, 3)))
    return NetworkBatch(parts, torch.arange(6), torch.arange(6) * 10)


def test_graph_is_that_of_the_single_networks() -> None:
    batch = mixed()
    expected = Batch.from_data_list([to_graph(a, row) for a, rows in batch.parts for row in rows])
    for field in FIELDS:
        assert torch.equal(batch.graph[field.name], expected[field.name]), field.name
    assert torch.equal(batch.graph.batch, expected.batch)
    assert torch.equal(batch.graph.ptr, expected.ptr)
    assert batch.graph.num_graphs == len(batch) == 6
    assert batch.graph.num_nodes == expected.num_nodes
    batch.graph.to_pyg().check()


def test_other_parameters_make_another_graph() -> None:
    batch = mixed()
    other = batch.with_theta([rows + 1 for _, rows in batch.parts])
    assert not torch.equal(other.graph.tap_weight, batch.graph.tap_weight)
    assert torch.equal(other.graph.edge_index, batch.graph.edge_index)
    assert other.targets is batch.targets


def test_double_precision_reaches_the_graph() -> None:
    assert mixed().double().graph.tap_weight.dtype == torch.float64


def test_batch_of_one_architecture_is_single() -> None:
    architecture, rows = NetworkBatch.from_parameters(SMALL, theta(SMALL, 2)).single
    assert architecture == SMALL
    assert torch.equal(rows, theta(SMALL, 2))
    with pytest.raises(GraphError, match="a batch of 3 architectures, expected one"):
        _ = mixed().single


def test_networks_with_the_same_parameters_are_stacked() -> None:
    tanh, relu = (
        cnn(channels=(1, 2), classes=3, activations=[Activation(kind)]) for kind in ("tanh", "relu")
    )
    batch = NetworkBatch(((tanh, theta(tanh, 2)), (relu, theta(relu, 1))), torch.arange(3))
    assert torch.equal(batch.theta, torch.cat([theta(tanh, 2), theta(relu, 1)]))
    with pytest.raises(GraphError, match="expected parameters of the same names and shapes"):
        _ = mixed().theta


def test_same_device_is_no_copy() -> None:
    batch = mixed()
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    assert moved.device == torch.device("meta")
    assert moved.targets is not None
    assert moved.targets.device == torch.device("meta")


def test_counts_that_differ_are_refused() -> None:
    with pytest.raises(GraphError, match="a batch of 2 networks has"):
        NetworkBatch(((SMALL, theta(SMALL, 2)),), torch.arange(3))
    with pytest.raises(GraphError, match="a batch of 2 networks has"):
        NetworkBatch.from_parameters(SMALL, theta(SMALL, 2), torch.zeros(1))
    with pytest.raises(GraphError, match="without networks"):
        NetworkBatch((), torch.arange(0))
