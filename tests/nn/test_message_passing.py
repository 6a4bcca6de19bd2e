"""The layer keeps the law of every tensor of its state."""

from __future__ import annotations

import itertools

import pytest
import torch

from scalegmn.nn.edge_maps import EdgeMap
from scalegmn.nn.message_passing import EdgeUpdate, NodeInvariants, ScaleMessagePassing
from scalegmn.nn.state import State
from scalegmn.nn.style import LayerStyle
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomise
from tests.nn.cases import Case, assert_different, assert_equal, case_of, style_of, whole_step

SEEDS = range(4)
OPTIONS = list(itertools.product([True, False], repeat=3))


def states(case: Case, *, bidirectional: bool) -> tuple[State, State]:
    """A state of the batch, and of the transformed batch."""
    primal, dual, encoding = case.random_nodes(), case.random_nodes(), case.random_nodes()
    edges = case.random_edges()
    before = State(primal, dual if bidirectional else None, edges, encoding)
    after = State(
        case.move_nodes(primal, Law.PRIMAL),
        case.move_nodes(dual, Law.DUAL) if bidirectional else None,
        case.move_edges(edges),
        case.move_nodes(encoding, Law.INVARIANT),
    )
    return before, after


def layer_of(style: LayerStyle, *, update_edges: bool = True) -> ScaleMessagePassing:
    layer = ScaleMessagePassing(style=style, update_edges=update_edges)
    return randomise(layer, generator=generator(0)).double()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("bidirectional", "symmetrise", "positional"), OPTIONS)
def test_laws(seed: int, bidirectional: bool, symmetrise: bool, positional: bool) -> None:
    case = case_of(seed)
    style = style_of(
        bidirectional=bidirectional,
        symmetrise=symmetrise,
        positional=positional,
        plain_io=symmetrise,
        separate_io=positional,
        layer_norm=not positional,
    )
    layer = layer_of(style)
    before, after = states(case, bidirectional=bidirectional)
    steps = (whole_step(at, bidirectional=bidirectional) for at in (case.at, case.moved_at))
    new, moved = (layer(state, step) for state, step in zip((before, after), steps, strict=True))
    assert_equal(moved.primal, case.move_nodes(new.primal, Law.PRIMAL))
    assert_equal(moved.edges, case.move_edges(new.edges))
    assert torch.equal(new.encoding, before.encoding)
    if bidirectional:
        assert new.dual is not None and moved.dual is not None
        assert_equal(moved.dual, case.move_nodes(new.dual, Law.DUAL))
    else:
        assert new.dual is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("bidirectional", "symmetrise"), list(itertools.product([True, False], repeat=2)))
def test_node_invariants_are_invariant(seed: int, bidirectional: bool, symmetrise: bool) -> None:
    case = case_of(seed)
    invariants = NodeInvariants(style=style_of(bidirectional=bidirectional, symmetrise=symmetrise))
    invariants = randomise(invariants, generator=generator(1)).double()
    before, after = states(case, bidirectional=bidirectional)
    expected = case.move_nodes(invariants(before, case.at), Law.INVARIANT)
    assert_equal(invariants(after, case.moved_at), expected)


def test_edge_update_sees_both_ends_apart() -> None:
    case = case_of(0)
    update = randomise(EdgeUpdate(style=style_of()), generator=generator(2)).double()
    before, _ = states(case, bidirectional=True)
    e = case.random_edges(zeros=0)
    result = update(EdgeMap(e), before, case.at)
    for incidence in (case.at.source, case.at.target):
        primal = before.primal.clone()
        node = int(incidence.index[0])
        primal[node] = torch.randn(5, dtype=torch.float64)
        changed = update(EdgeMap(e), State(primal, before.dual, before.edges, before.encoding), case.at)
        rows = (changed != result).any(dim=1)
        assert rows.any()
        assert ((case.at.source.index == node) | (case.at.target.index == node))[rows].all()
    # Linear in the edges themselves.
    torch.testing.assert_close(update(EdgeMap(3 * e), before, case.at), 3 * result)
    # Each end has a map of its own: without that of sources, only targets matter.
    torch.nn.init.zeros_(update.of_source.weight)
    primal = before.primal.clone()
    node = int(case.at.source.index[0])
    primal[node] = torch.randn(5, dtype=torch.float64)
    changed = update(EdgeMap(e), State(primal, before.dual, before.edges, before.encoding), case.at)
    rows = (changed != update(EdgeMap(e), before, case.at)).any(dim=1)
    assert (case.at.target.index == node)[rows].all()


def test_edges_stay_where_nobody_needs_new_ones() -> None:
    case = case_of(0)
    before, _ = states(case, bidirectional=False)
    layer = layer_of(style_of(bidirectional=False), update_edges=False)
    new = layer(before, whole_step(case.at, bidirectional=False, edges=False))
    assert layer.edge_update is None and new.edges.shape == (0, 5)


def test_directions_tell_each_other() -> None:
    """Primal features change with dual ones and the other way round."""
    case = case_of(2)
    layer = layer_of(style_of())
    before, _ = states(case, bidirectional=True)
    assert before.dual is not None
    step = whole_step(case.at, bidirectional=True)
    new = layer(before, step)
    other = layer(State(before.primal, before.dual + 1, before.edges, before.encoding), step)
    assert_different(other.primal, new.primal)
    other = layer(State(before.primal + 1, before.dual, before.edges, before.encoding), step)
    assert other.dual is not None and new.dual is not None
    assert_different(other.dual, new.dual)
