"""Several batches as one, and what joined batches share."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from scalegmn.graph import FIELDS, NetworkGraph, PlainGraph, batch_graphs, to_graph
from scalegmn.graph._joining import join_graphs
from scalegmn.graph._structure import TENSORS
from scalegmn.networks import Activation, Architecture, cnn, mlp, siren
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_networks, random_parameters

SMALL, LARGE = siren(widths=(2, 3, 1)), siren(widths=(2, 4, 5, 1))
CNN = cnn(channels=(1, 3, 4), classes=5, activations=[Activation("relu"), Activation("tanh")])
LINEAR = mlp(widths=(2, 2), activations=[])
STRUCTURAL = [name for name in TENSORS if name != "node_network"] + ["batch", "ptr"]


def assert_joined(joined: PlainGraph, graphs: list[NetworkGraph]) -> None:
    """The fields are those of PyTorch Geometric's batch of the single networks."""
    expected = Batch.from_data_list(graphs)
    for name in (*(field.name for field in FIELDS), "batch", "ptr"):
        assert torch.equal(joined[name], expected[name]), name
        assert joined[name].dtype == expected[name].dtype, name
    assert joined.num_graphs == expected.num_graphs and joined.num_nodes == expected.num_nodes
    batch = joined.to_pyg()
    batch.check()
    # Single graphs can be taken out again.
    for one, own in zip(batch.to_data_list(), graphs, strict=True):
        assert isinstance(one, NetworkGraph) and one.num_nodes == own.num_nodes
        assert all(torch.equal(one[field.name], own[field.name]) for field in FIELDS)


def theta(architecture: Architecture, count: int, seed: int = 0) -> torch.Tensor:
    return random_parameters(architecture, count, generator=generator(seed))


def joined_of(*, seed: int, counts: tuple[int, int] = (2, 3)) -> PlainGraph:
    """Batches of shared structure, joined; `seed` draws the parameters."""
    graphs = [
        batch_graphs(architecture, theta(architecture, count, seed), shared=True)
        for architecture, count in zip((SMALL, CNN), counts, strict=True)
    ]
    return join_graphs(graphs)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_fields_of_the_single_networks(seed: int, shared: bool) -> None:
    networks = random_networks(generator=generator(seed), architectures=3, count=2)
    joined = join_graphs([batch_graphs(*pair, shared=shared) for pair in networks])
    assert_joined(joined, [to_graph(made, row) for made, rows in networks for row in rows])


def test_single_networks_and_joined_batches_are_joined() -> None:
    small, large, linear = theta(SMALL, 2), theta(LARGE, 3), theta(LINEAR, 1)
    first = join_graphs([batch_graphs(SMALL, small, shared=True), to_graph(LINEAR, linear[0])])
    again = join_graphs([first, batch_graphs(LARGE, large), first])
    graphs = [*(to_graph(SMALL, row) for row in small), to_graph(LINEAR, linear[0])]
    assert_joined(again, [*graphs, *(to_graph(LARGE, row) for row in large), *graphs])


def test_the_order_of_the_parts_counts() -> None:
    small, large = batch_graphs(SMALL, theta(SMALL, 2), shared=True), to_graph(LARGE, theta(LARGE, 1)[0])
    one, other = join_graphs([small, large]), join_graphs([large, small])
    assert not torch.equal(one.node_layer, other.node_layer)
    assert one.batch.tolist() == [0] * 6 + [1] * 6 + [2] * 12
    assert other.batch.tolist() == [0] * 12 + [1] * 6 + [2] * 6


def test_joined_batches_of_one_make_up_share_their_structure() -> None:
    one, other = joined_of(seed=1), joined_of(seed=2)
    assert all(one[name] is other[name] for name in STRUCTURAL)
    assert not torch.equal(one.tap_weight, other.tap_weight)
    # Other indices of networks are another structure.
    third = joined_of(seed=1, counts=(3, 2))
    assert not any(third[name] is one[name] for name in STRUCTURAL)


def test_batches_that_share_nothing_are_joined_anew() -> None:
    graphs = [batch_graphs(made, theta(made, 2)) for made in (SMALL, CNN)]
    one, other = join_graphs(graphs), join_graphs([graph.clone() for graph in graphs])
    assert torch.equal(one.edge_index, other.edge_index) and one.edge_index is not other.edge_index


def test_a_part_that_was_written_into_is_joined_anew() -> None:
    graphs = [batch_graphs(made, theta(made, 2)) for made in (SMALL, CNN)]
    before = join_graphs(graphs).node_position
    assert join_graphs(graphs).node_position is before
    graphs[1].node_position.add_(1)
    after = join_graphs(graphs).node_position
    nodes = graphs[0].node_position.numel()
    assert torch.equal(after[:nodes], before[:nodes]) and torch.equal(after[nodes:], before[nodes:] + 1)


def test_gradients_reach_all_parts() -> None:
    thetas = [theta(made, 2).requires_grad_() for made in (SMALL, CNN)]
    pairs = list(zip((SMALL, CNN), thetas, strict=True))
    joined = join_graphs([batch_graphs(*pair, shared=True) for pair in pairs])
    sent = joined.node_bias.index_select(0, joined.edge_index[0])
    (sent.sum() + joined.tap_weight.sum()).backward()
    assert all(own.grad is not None and own.grad.abs().sum() > 0 for own in thetas)


@pytest.mark.parametrize("shared", [True, False])
def test_batches_joined_in_inference_mode_are_like_others(shared: bool) -> None:
    """Plans are kept for tensors that count how often they are written into; training can use these too."""
    # Architectures of their own: nothing of them is kept yet.
    made = mlp(widths=(2, 3 + shared, 1), activations=[Activation("relu")])
    with torch.inference_mode():
        one, other = (
            join_graphs([batch_graphs(made, theta(made, count), shared=shared) for count in (2, 3)])
            for _ in range(2)
        )
        assert not any(one[name].is_inference() for name in STRUCTURAL)
        assert (one.edge_index is other.edge_index) == shared
    own = torch.ones(one.num_nodes, requires_grad=True)
    own.index_select(0, one.edge_index[0]).sum().backward()
    assert own.grad is not None and own.grad.sum() == one.edge_index.shape[1]
    assert torch.equal(one.ptr, torch.arange(6) * (6 + shared))
