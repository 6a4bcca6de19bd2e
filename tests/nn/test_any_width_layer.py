"""The layer for networks of any width: laws of all tensors, and sums over copies of a neuron."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from scalegmn.graph import Structure, to_graph
from scalegmn.networks import Activation, mlp
from scalegmn.nn._any_width_layer import AnyWidthMessagePassing
from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._products import LinearProducts
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, assert_different, assert_equal, case_of, run_layer, style_of
from tests.nn.test_products import EXACT, PAIRS, factors, rows
from tests.nn.test_scale_layer import states

OPTIONS = list(itertools.product([True, False], repeat=2))


def layer_of(style: LayerStyle, *, layers: int = 9, update_edges: bool = True) -> AnyWidthMessagePassing:
    layer = AnyWidthMessagePassing(style=style, layers=layers, update_edges=update_edges)
    return randomize(layer, generator=generator(0)).double()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("bidirectional", "symmetrize"), OPTIONS)
def test_laws(seed: int, bidirectional: bool, symmetrize: bool, fast: bool) -> None:
    case = case_of(seed)
    style = style_of(bidirectional=bidirectional, symmetrize=symmetrize, plain_io=symmetrize, any_width=True)
    layer = layer_of(style)
    before, after = states(case, bidirectional=bidirectional)
    new = run_layer(layer, before, case.at, fast=fast)
    moved = run_layer(layer, after, case.moved_at, fast=fast)
    assert_equal(moved.primal, case.move_nodes(new.primal, Law.primal))
    assert_equal(moved.edges, case.move_edges(new.edges))
    assert (new.dual is not None) == bidirectional
    if new.dual is not None and moved.dual is not None:
        assert_equal(moved.dual, case.move_nodes(new.dual, Law.dual))
    assert torch.equal(new.encoding, before.encoding)


def chain(hidden: int) -> SortedGraph:
    """Two inputs, hidden neurons behind ReLU, and one output."""
    network = mlp(widths=(2, hidden, 1), activations=[Activation("relu")])
    graph = to_graph(network, torch.zeros(network.num_parameters, dtype=torch.float64))
    return SortedGraph.from_structure(Structure.from_graph(graph), symmetric=True)


def split(state: State, share: Tensor, q: float) -> State:
    """The hidden neuron of the state and a copy of it, that is larger by q."""
    x, u, e, z = state.primal, state.dual, state.edges, state.encoding
    assert u is not None
    order = [0, 1, 2, 2, 3]
    x, u, z = x[order].clone(), u[order].clone(), z[order]
    x[3] *= q
    u[2], u[3] = share[0] * u[2], (1 - share[0]) / q * u[3]
    # Edges: two into the neuron, two into the copy, one out of each.
    out = torch.stack([share[1] * e[2], (1 - share[1]) / q * e[2]])
    return State(x, u, torch.cat([e[:2], q * e[:2], out]), z)


@pytest.mark.parametrize("q", [1.0, 7.0])
def test_what_adds_up_adds_up(q: float) -> None:
    """Features of copies are alike, duals and outgoing edges add up, and the ends see nothing of it."""
    numbers = generator(1)
    state = State(*(torch.randn(n, WIDTH, generator=numbers, dtype=torch.float64) for n in (4, 4, 3, 4)))
    share = torch.randn(2, WIDTH, generator=numbers, dtype=torch.float64)
    layer = layer_of(style_of(any_width=True), layers=1)
    with torch.no_grad():
        new, two = layer(state, chain(1)), layer(split(state, share, q), chain(2))
    assert_equal(two.primal, new.primal[[0, 1, 2, 2, 3]] * torch.tensor([1, 1, 1, q, 1]).unsqueeze(1))
    assert_equal(two.dual[[0, 1, 4]], new.dual[[0, 1, 3]])
    assert_equal(two.dual[2:3] + q * two.dual[3:4], new.dual[2:3])
    assert_equal(two.edges[:2], new.edges[:2])
    assert_equal(two.edges[2:4], q * new.edges[:2])
    assert_equal(two.edges[4:5] + q * two.edges[5:6], new.edges[2:3])
    assert_different(two.dual[2:3], new.dual[2:3])


def test_neurons_that_nobody_reads_say_nothing() -> None:
    """Where their duals and outgoing edges are 0, they stay 0."""
    numbers = generator(2)
    graph, layer = chain(3), layer_of(style_of(any_width=True), layers=1)
    x, u, z = (torch.randn(6, WIDTH, generator=numbers, dtype=torch.float64) for _ in range(3))
    e = torch.randn(9, WIDTH, generator=numbers, dtype=torch.float64)
    unread = graph.source == 3
    u[3], e[unread] = 0, 0
    with torch.no_grad():
        new = layer(State(x, u, e, z), graph)
        x[3] = torch.randn(WIDTH, generator=numbers, dtype=torch.float64)
        other = layer(State(x, u, e, z), graph)
    kept = [0, 1, 2, 4, 5]
    assert bool((new.dual[3] == 0).all()) and bool((new.edges[unread] == 0).all())
    assert_equal(other.primal[kept], new.primal[kept])
    assert_equal(other.dual, new.dual)
    assert_different(other.primal[3:4], new.primal[3:4])


def test_layers_without_edge_updates_keep_edges() -> None:
    case = case_of(1)
    before, _ = states(case, bidirectional=True)
    layer = layer_of(style_of(any_width=True), update_edges=False)
    for fast in (False, True):
        assert torch.equal(run_layer(layer, before, case.at, fast=fast, edges=fast).edges, before.edges)


@pytest.mark.parametrize("seed", range(3))
def test_linear_products_keep_the_laws(seed: int) -> None:
    exchange = randomize(LinearProducts(style=style_of()), generator=generator(seed)).double()
    q, x, u = factors(seed), rows(seed), rows(seed + 100)
    before, after = exchange.primal(x, PAIRS), exchange.primal(q * x, PAIRS)
    torch.testing.assert_close(after, q * before, rtol=EXACT, atol=EXACT)
    assert bool((before[6:].abs().amax(dim=1) > 1e-6).all()), "every product hears something"
    back, moved = exchange.dual(u, x, PAIRS), exchange.dual(u / q, q * x, PAIRS)
    torch.testing.assert_close(moved, back / q, rtol=EXACT, atol=EXACT)
    assert bool((back[:6].abs().amax(dim=1) > 1e-6).all()), "every factor hears something"
    torch.testing.assert_close(exchange.dual(3 * u, x, PAIRS), 3 * back, rtol=EXACT, atol=EXACT)
