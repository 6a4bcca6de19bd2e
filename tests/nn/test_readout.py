"""From nodes to networks."""

from __future__ import annotations

import itertools

import pytest
import torch

from scalegmn.graph import GraphSpec
from scalegmn.nn._readout import FullGraphReadout, LastLayerReadout, Readout, in_order
from scalegmn.nn._state import State
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, Case, assert_different, case_of, style_of

KINDS: tuple[type[Readout], ...] = (LastLayerReadout, FullGraphReadout)
COMBINATIONS = list(itertools.product(KINDS, [True, False], [True, False]))


def readout_of(
    kind: type[Readout],
    case: Case,
    *,
    bidirectional: bool,
    dual: bool | None = None,
    symmetrize: bool = True,
) -> Readout:
    spec = GraphSpec.from_architectures([architecture for architecture, _ in case.networks])
    style = style_of(bidirectional=bidirectional, dual=dual, symmetrize=symmetrize)
    made = kind(spec=spec, style=style)
    return randomize(made, generator=generator(0)).double()


def states(case: Case, *, bidirectional: bool, zeros: float = 0.2) -> tuple[State, State]:
    primal, dual, encoding = (case.random_nodes(zeros=zeros) for _ in range(3))
    edges = case.random_edges()
    moved = case.move_nodes(primal, Law.primal), case.move_nodes(dual, Law.dual)
    return (
        State(primal, dual if bidirectional else None, edges, encoding),
        State(moved[0], moved[1] if bidirectional else None, edges, encoding),
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "bidirectional", "symmetrize"), COMBINATIONS)
def test_invariant(seed: int, kind: type[Readout], bidirectional: bool, symmetrize: bool) -> None:
    case = case_of(seed)
    readout = readout_of(kind, case, bidirectional=bidirectional, symmetrize=symmetrize)
    before, after = states(case, bidirectional=bidirectional)
    found = readout(before, case.at.neurons)
    assert found.shape == (len(case.networks), readout.width)
    torch.testing.assert_close(readout(after, case.moved_at.neurons), found, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_models_without_duals_can_read_both_ends(kind: type[Readout]) -> None:
    """The permutation-only model in both directions."""
    case = case_of(1, symmetric=False, rescale=False)
    readout = readout_of(kind, case, bidirectional=True, dual=False)
    state, _ = states(case, bidirectional=False)
    found = readout(state, case.at.neurons)
    assert found.shape == (len(case.networks), readout.width)
    other = state.primal.clone()
    other[case.at.neurons.inputs] += 1
    assert_different(readout(State(other, None, state.edges, state.encoding), case.at.neurons), found)


@pytest.mark.parametrize(("kind", "bidirectional"), list(itertools.product(KINDS, [True, False])))
def test_what_is_read(kind: type[Readout], bidirectional: bool) -> None:
    case = case_of(0)
    readout = readout_of(kind, case, bidirectional=bidirectional)
    state, _ = states(case, bidirectional=bidirectional)
    found = readout(state, case.at.neurons)
    full = kind is FullGraphReadout
    for nodes, is_read in (
        (case.at.neurons.outputs, True),
        (case.at.neurons.hidden, full),
        (case.at.neurons.inputs, full or bidirectional),
    ):
        primal = state.primal.clone()
        primal[nodes] = torch.randn_like(primal[nodes])
        other = readout(State(primal, state.dual, state.edges, state.encoding), case.at.neurons)
        assert torch.equal(other, found) != is_read


def test_networks_are_kept_apart() -> None:
    case = case_of(0)
    for kind in KINDS:
        readout = readout_of(kind, case, bidirectional=True)
        state, _ = states(case, bidirectional=True, zeros=0)
        primal = state.primal.clone()
        primal[case.at.neurons.network == 2] *= -3
        other = readout(State(primal, state.dual, state.edges, state.encoding), case.at.neurons)
        changed = (other != readout(state, case.at.neurons)).any(dim=1)
        assert changed.nonzero().flatten().tolist() == [2]


def test_in_order() -> None:
    """Networks with fewer outputs are padded with zeros."""
    case = case_of(2)
    x = case.random_nodes(zeros=0)
    count = max(architecture.num_outputs for architecture, _ in case.networks) + 1
    found = in_order(x, case.at.neurons, case.at.neurons.outputs, count).reshape(
        len(case.networks), count, WIDTH
    )
    in_graph = case.at.neurons.restore(x)
    for number, (architecture, _) in enumerate(case.networks):
        outputs = (case.graph.batch == number) & (case.graph.node_role == 2)
        assert torch.equal(found[number, : architecture.num_outputs], in_graph[outputs])
        assert (found[number, architecture.num_outputs :] == 0).all()
