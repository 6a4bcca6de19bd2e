"""What neurons and edges are told about their place."""

from __future__ import annotations

import math

import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, Structure, to_graph
from scalegmn.networks import Activation, activation_kinds, mlp
from scalegmn.nn._neurons import Neurons, SortedGraph
from scalegmn.nn._positional import PositionalEncoding
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, assert_equal, case_of

ARCHITECTURE = mlp(widths=(2, 3, 4, 2), activations=[Activation("relu"), Activation("tanh")])
GRAPH = to_graph(ARCHITECTURE, torch.zeros(ARCHITECTURE.num_parameters))
SORTED = SortedGraph.from_structure(Structure.from_graph(GRAPH), symmetric=True)


def encoding_of(spec: GraphSpec, *, edges: bool = True) -> PositionalEncoding:
    return randomize(
        PositionalEncoding(spec=spec, features=WIDTH, edges=edges), generator=generator(0)
    ).double()


def test_ends_have_vectors_of_their_own_and_layers_share_one() -> None:
    encoding = encoding_of(GraphSpec(inputs=3, outputs=4, layers=5))
    found = encoding(GRAPH, SORTED.neurons)
    expected = [
        *encoding.of_input[:2],
        *[encoding.of_layer[0] + encoding.of_activation[Activation("relu").properties.code]] * 3,
        *[encoding.of_layer[1] + encoding.of_activation[Activation("tanh").properties.code]] * 4,
        *encoding.of_output[:2],
    ]
    assert torch.equal(found, torch.stack(expected))


def test_activations_start_from_zero() -> None:
    fresh = PositionalEncoding(spec=GraphSpec.from_architectures([ARCHITECTURE]), features=WIDTH, edges=True)
    assert (fresh.of_activation == 0).all() and (fresh.of_value == 0).all()
    assert fresh.of_activation.shape[0] > max(kind.code for kind in activation_kinds())


def test_numbers_of_activations_count_from_the_default_of_their_kind() -> None:
    encoding = encoding_of(GraphSpec(inputs=2, outputs=1, layers=1))
    layers = {w: mlp(widths=(2, 1, 1), activations=[Activation("sine", w)]) for w in (30.0, 12.0)}
    graphs = {w: to_graph(a, torch.zeros(a.num_parameters, dtype=torch.float64)) for w, a in layers.items()}
    usual, other = (
        encoding(graph, Neurons(Structure.from_graph(graph), symmetric=True))[2] for graph in graphs.values()
    )
    sine = Activation("sine").properties.code
    assert torch.equal(usual, encoding.of_layer[0] + encoding.of_activation[sine])
    expected = encoding.of_value[sine] * (math.asinh(12) - math.asinh(30))
    torch.testing.assert_close(other - usual, expected)


def test_edges_share_the_vector_of_their_layer() -> None:
    encoding = encoding_of(GraphSpec(inputs=3, outputs=4, layers=5))
    found = encoding.of_edges(SORTED.neurons, SORTED.target)
    assert found is not None and encoding.of_edge_layer is not None
    # Whatever the depth of a network, its last edges have the last vector.
    numbers = torch.tensor([0] * 6 + [1] * 12 + [5] * 8)
    torch.testing.assert_close(found, encoding.of_edge_layer[numbers])
    without = encoding_of(GraphSpec(inputs=3, outputs=4, layers=5), edges=False)
    assert without.of_edges(SORTED.neurons, SORTED.target) is None


@pytest.mark.parametrize("seed", range(4))
def test_laws(seed: int) -> None:
    case = case_of(seed)
    encoding = encoding_of(GraphSpec.from_architectures([architecture for architecture, _ in case.networks]))
    nodes = encoding(case.graph, case.at.neurons)
    assert_equal(encoding(case.moved, case.moved_at.neurons), case.move_nodes(nodes, Law.invariant))
    before, after = (encoding.of_edges(at.neurons, at.target.index) for at in (case.at, case.moved_at))
    assert before is not None and after is not None
    assert_equal(after, case.move_edges(before, Law.invariant))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (GraphSpec(inputs=1, outputs=2, layers=2), "2 inputs.*at most 1"),
        (GraphSpec(inputs=2, outputs=1, layers=2), "2 outputs.*at most 1"),
        (GraphSpec(inputs=2, outputs=2, layers=1), "2 hidden layers.*at most 1"),
    ],
)
def test_networks_beyond_the_limits(spec: GraphSpec, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        encoding_of(spec)(GRAPH, SORTED.neurons)
