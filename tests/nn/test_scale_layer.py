"""The layer keeps the law of every tensor of its state."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from scalegmn.nn._scale_layer import EdgeUpdate, NodeInvariants, ScaleMessagePassing
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.by_hand import LayerByHand
from tests.nn.cases import Case, assert_different, assert_equal, case_of, run_layer, sorted_graph, style_of

SEEDS = range(4)
OPTIONS = list(itertools.product([True, False], repeat=3))


def states(case: Case, *, bidirectional: bool) -> tuple[State, State]:
    """A state of the batch, and of the transformed batch."""
    primal, dual, encoding = case.random_nodes(), case.random_nodes(), case.random_nodes()
    edges = case.random_edges()
    before = State(primal, dual if bidirectional else None, edges, encoding)
    after = State(
        case.move_nodes(primal, Law.primal),
        case.move_nodes(dual, Law.dual) if bidirectional else None,
        case.move_edges(edges),
        case.move_nodes(encoding, Law.invariant),
    )
    return before, after


def layer_of(style: LayerStyle, *, update_edges: bool = True) -> ScaleMessagePassing:
    layer = ScaleMessagePassing(style=style, update_edges=update_edges)
    return randomize(layer, generator=generator(0)).double()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("bidirectional", "symmetrize", "positional"), OPTIONS)
def test_laws(seed: int, bidirectional: bool, symmetrize: bool, positional: bool, fast: bool) -> None:
    case = case_of(seed)
    style = style_of(
        bidirectional=bidirectional,
        symmetrize=symmetrize,
        positional=positional,
        plain_io=symmetrize,
        separate_io=positional,
        layer_norm=not positional,
    )
    layer = layer_of(style)
    before, after = states(case, bidirectional=bidirectional)
    new, moved = (
        run_layer(layer, before, case.at, fast=fast),
        run_layer(layer, after, case.moved_at, fast=fast),
    )
    assert_equal(moved.primal, case.move_nodes(new.primal, Law.primal))
    assert_equal(moved.edges, case.move_edges(new.edges))
    assert torch.equal(new.encoding, before.encoding)
    if bidirectional:
        assert new.dual is not None and moved.dual is not None
        assert_equal(moved.dual, case.move_nodes(new.dual, Law.dual))
    else:
        assert new.dual is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("bidirectional", "symmetrize"), list(itertools.product([True, False], repeat=2)))
def test_node_invariants_are_invariant(seed: int, bidirectional: bool, symmetrize: bool) -> None:
    case = case_of(seed)
    invariants = NodeInvariants(style=style_of(bidirectional=bidirectional, symmetrize=symmetrize))
    invariants = randomize(invariants, generator=generator(1)).double()
    before, after = states(case, bidirectional=bidirectional)
    expected = case.move_nodes(invariants(before.primal, before.dual, case.at.neurons), Law.invariant)
    assert_equal(invariants(after.primal, after.dual, case.moved_at.neurons), expected)


def test_edge_update_sees_both_ends_apart() -> None:
    case = case_of(0)
    update = randomize(EdgeUpdate(style=style_of()), generator=generator(2)).double()
    before, _ = states(case, bidirectional=True)
    graph, x, u, e = sorted_graph(case.at), before.primal, before.dual, case.random_edges(zeros=0)
    weight = torch.eye(5, dtype=torch.float64)
    result = update(e, weight, x, u, graph)
    for ends in (graph.source, graph.target):
        node = int(ends[0])
        rows = (update(e, weight, changed(x, node), u, graph) != result).any(dim=1)
        assert rows.any()
        assert ((graph.source == node) | (graph.target == node))[rows].all()
    # Linear in the edges themselves.
    torch.testing.assert_close(update(3 * e, weight, x, u, graph), 3 * result)
    torch.testing.assert_close(update(e, 3 * weight, x, u, graph), 3 * result)
    # Each end has a map of its own: without that of sources, only targets matter.
    torch.nn.init.zeros_(update.of_source.weight)
    node = int(graph.source[0])
    found = update(e, weight, changed(x, node), u, graph)
    rows = (found != update(e, weight, x, u, graph)).any(dim=1)
    assert (graph.target == node)[rows].all()


def changed(x: Tensor, node: int) -> Tensor:
    """Other features at one node."""
    row = torch.randn(1, x.shape[1], generator=generator(node), dtype=torch.float64)
    return x.index_copy(0, torch.tensor([node]), row)


def test_edges_stay_where_nobody_needs_new_ones() -> None:
    case = case_of(0)
    before, _ = states(case, bidirectional=False)
    layer = layer_of(style_of(bidirectional=False), update_edges=False)
    assert layer.edge_update is None
    assert run_layer(layer, before, case.at, fast=True, edges=False).edges.shape == (0, 5)
    assert run_layer(layer, before, case.at, fast=False).edges is before.edges


@pytest.mark.parametrize("fast", [False, True])
def test_directions_tell_each_other(fast: bool) -> None:
    """Primal features change with dual ones and the other way round."""
    case = case_of(2)
    layer = layer_of(style_of())
    before, _ = states(case, bidirectional=True)
    assert before.dual is not None
    new = run_layer(layer, before, case.at, fast=fast)
    duals = State(before.primal, before.dual + 1, before.edges, before.encoding)
    assert_different(run_layer(layer, duals, case.at, fast=fast).primal, new.primal)
    primals = State(before.primal + 1, before.dual, before.edges, before.encoding)
    other = run_layer(layer, primals, case.at, fast=fast)
    assert other.dual is not None and new.dual is not None
    assert_different(other.dual, new.dual)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_edges_are_updated_from_the_node_features_of_before(bidirectional: bool, fast: bool) -> None:
    case = case_of(1)
    layer = layer_of(style_of(bidirectional=bidirectional))
    before, _ = states(case, bidirectional=bidirectional)
    new, weights, graph = run_layer(layer, before, case.at, fast=fast), layer.edge_maps.by_name(), case.at
    assert layer.edge_update is not None
    update, plain = layer.edge_update, sorted_graph(graph)
    old = update(before.edges, weights.update, before.primal, before.dual, plain)
    assert_equal(new.edges, old)
    assert_different(update(before.edges, weights.update, new.primal, new.dual, plain), old)


def test_maps_of_edges_have_names() -> None:
    """Three views of one matrix: messages along the edges, messages against them, and the edge update."""
    case = case_of(1)
    before, _ = states(case, bidirectional=True)
    layer = layer_of(style_of())
    new = run_layer(layer, before, case.at, fast=False)
    assert new.dual is not None
    for name, kept in (("forward", "edges"), ("backward", "edges"), ("update", "primal")):
        again = layer_of(style_of())
        with torch.no_grad():
            getattr(again.edge_maps.by_name(), name).zero_()
        other = run_layer(again, before, case.at, fast=False)
        assert torch.equal(getattr(other, kept), getattr(new, kept))
        moved = other.edges if name == "update" else other.primal
        assert_different(moved, new.edges if name == "update" else new.primal)
    forward = layer_of(style_of(bidirectional=False), update_edges=False)
    assert forward.edge_maps.weight.shape == (5, 5)
    assert [len(forward.edge_maps.by_name().backward), len(forward.edge_maps.by_name().update)] == [0, 0]


def tensors(state: State) -> list[Tensor]:
    """All that a layer may write."""
    return [x for x in (state.primal, state.dual, state.edges) if x is not None]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("symmetrize", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_equations_edge_by_edge(seed: int, bidirectional: bool, symmetrize: bool) -> None:
    """Values and gradients, computed in another way than by either form of the layer."""
    case = case_of(seed)
    style = style_of(
        bidirectional=bidirectional,
        symmetrize=symmetrize,
        positional=not symmetrize,
        plain_io=symmetrize,
        separate_io=symmetrize,
    )
    layer, (before, _) = layer_of(style), states(case, bidirectional=bidirectional)
    given = [*(x.requires_grad_() for x in tensors(before)), *layer.parameters()]
    expected = tensors(LayerByHand(layer, before, sorted_graph(case.at)).new_state())
    upward = [torch.randn(x.shape, generator=generator(seed), dtype=torch.float64) for x in expected]
    theirs = torch.autograd.grad(expected, given, upward, materialize_grads=True)
    for fast in (False, True):
        found = tensors(run_layer(layer, before, case.at, fast=fast))
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
        ours = torch.autograd.grad(found, given, upward, materialize_grads=True)
        largest = max(gradient.abs().max() for gradient in theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert (one - other).abs().max() <= 1e-10 * largest
