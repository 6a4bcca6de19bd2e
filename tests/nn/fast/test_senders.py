"""Node features of the first layer as numbers times vectors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.graph import to_graph
from scalegmn.models import Direction
from scalegmn.networks import Activation, mlp
from scalegmn.nn.fast._arrangement import Arrangement, Lane
from scalegmn.nn.fast._factored import Factored, materialize
from scalegmn.nn.fast._segments import Incidence
from scalegmn.nn.fast._senders import FactoredNodes
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Step
from scalegmn.seeding import generator
from tests.models.cases import mixed_batch, model_of
from tests.nn.cases import assert_different, assert_equal
from tests.nn.start_cases import ARCHITECTURES, first_of, networks_named, wide

NAMES = sorted(ARCHITECTURES.keys() - {"squared"})


def start(name: str, direction: Direction = Direction.bidirectional) -> tuple[FastState, Step]:
    networks = networks_named(name)
    model = model_of(networks, wide(name, direction=direction))
    return first_of(model.backbone, mixed_batch(networks))


def of_nodes(nodes: FactoredNodes, at: Arrangement) -> Tensor:
    return nodes.numbers.unsqueeze(1) * nodes.vectors[at.kinds.of_rows]


@pytest.mark.parametrize("name", NAMES)
def test_nodes_that_send_have_the_features_of_the_state(name: str) -> None:
    state, step = start(name)
    at, given = step.at, state.start
    assert given is not None and given.dual is not None and state.dual is not None
    forwards, backwards = at.source.index.unique(), at.target.index.unique()
    assert_equal(of_nodes(given.primal, at)[forwards], state.primal[forwards])
    assert_equal(of_nodes(given.dual, at)[backwards], state.dual[backwards])
    # Outputs have biases and encodings, whose sum is no product; they send nothing forwards.
    outputs = torch.arange(at.num_nodes)[at.neurons.outputs]
    assert_different(of_nodes(given.primal, at)[outputs], state.primal[outputs])


@pytest.mark.parametrize("name", NAMES)
def test_duals_are_zero_where_scales_act(name: str) -> None:
    state, step = start(name)
    assert state.start is not None and state.start.dual is not None
    hidden = state.start.dual.numbers[step.at.neurons.hidden]
    scaled = step.at.scaled[step.at.neurons.hidden]
    assert (hidden[scaled] == 0).all() and bool(scaled.any()) == (name in ("relu cnn", "relu", "mixed"))
    assert (hidden[~scaled] == state.start.primal.numbers[step.at.neurons.hidden][~scaled]).all()


def test_forward_models_have_no_duals() -> None:
    state, _ = start("relu", Direction.forward)
    assert state.start is not None and state.start.dual is None and state.dual is None


def test_activations_of_other_degrees_and_numbers_have_no_such_form() -> None:
    assert start("squared")[0].start is None
    # A kind of nodes has one vector only where it has one frequency.
    for frequency in (30.0, 7.0):
        made = mlp(widths=(2, 3, 1), activations=[Activation("sine", frequency)])
        theta = torch.ones(1, made.num_parameters, dtype=torch.float64)
        model = model_of([(made, theta)], wide("sine"))
        state, _ = first_of(model.backbone, to_graph(made, theta[0]))
        assert (state.start is None) == (frequency != 30.0)


@pytest.mark.parametrize("most", [None, 5])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_products_are_those_of_the_features(name: str, backward: bool, most: int | None) -> None:
    state, step = start(name)
    part = step.backward if backward else step.forward
    assert state.start is not None and part is not None and isinstance(state.edges, Factored)
    nodes, sent = (state.start.dual, state.dual) if backward else (state.start.primal, state.primal)
    assert nodes is not None and sent is not None
    g, width = generator(3), state.primal.shape[1]
    of_node, of_edge = torch.randn(2, width, width, generator=g, dtype=torch.float64) / width**0.5
    edges, nodes, sent = (
        state.edges.take(part.edges).apply_linear(of_edge),
        nodes.apply_linear(of_node),
        sent @ of_node.T,
    )
    lanes, kinds, made = part.at.lanes(backward=backward, most=most), set(), 0
    for lane in lanes:
        own = edges[lane.edges]
        product = nodes.product(lane, own)
        kinds.add(len(lane.sender_kinds[0]))
        if product is None:
            assert len(lane.sender_kinds[0]) * own.columns.shape[1] > width / 2
            continue
        made += 1
        assert product.single == own.single == ("cnn" not in name)
        assert_equal(product.materialize(), lane.senders.gather(sent) * materialize(own))
        assert not product.single or ((product.columns != 0).sum(dim=1) <= 1).all()
    assert made > 0
    assert len(lanes) > 3 if most else max(kinds) > 1, "many lanes, or lanes of nodes of several kinds"


def lane_of(senders: list[int], kinds: list[int]) -> Lane:
    count = len(senders)
    receivers = Incidence(torch.zeros(count, dtype=torch.long), 1)
    return Lane(
        None,
        slice(0, 1),
        slice(0, count),
        Incidence(torch.tensor(senders), 4),
        receivers,
        torch.tensor(kinds),
    )


def test_a_product_by_hand() -> None:
    nodes = FactoredNodes(
        torch.tensor([2.0, 3.0, 5.0, 7.0]), torch.tensor([[1.0] * 4, [10.0] * 4, [100.0] * 4])
    )
    edges = Factored(torch.tensor([[1.0], [4.0], [6.0]]), torch.tensor([[1.0, 2.0, 3.0, 4.0]]), single=True)
    found = nodes.product(lane_of([3, 0, 3], [2, 0, 2]), edges)
    assert found is not None and found.single
    assert found.columns.tolist() == [[0, 7], [8, 0], [0, 42]]
    assert found.vectors.tolist() == [[1, 2, 3, 4], [100, 200, 300, 400]]


@pytest.mark.parametrize(("width", "made"), [(12, True), (11, False)])
def test_no_product_of_many_columns(width: int, made: bool) -> None:
    """Two kinds times three columns are worth it up to half of the features; all eight kinds do not count."""
    nodes = FactoredNodes(torch.ones(4), torch.ones(8, width))
    edges = Factored(torch.ones(2, 3), torch.ones(3, width))
    assert (nodes.product(lane_of([0, 1], [3, 7]), edges) is not None) == made
