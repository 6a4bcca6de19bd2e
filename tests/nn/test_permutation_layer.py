"""The layer that respects permutations, and nothing else."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn._permutation_layer import PermutationMessagePassing
from scalegmn.nn._state import State
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, assert_different, assert_equal, case_of, run_layer, style_of


def layer_of(
    *, bidirectional: bool, update_edges: bool = True, separate_io: bool = True
) -> PermutationMessagePassing:
    style = style_of(bidirectional=bidirectional, separate_io=separate_io)
    layer = PermutationMessagePassing(style=style, update_edges=update_edges)
    return randomize(layer, generator=generator(0)).double()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bidirectional", [True, False])
def test_follows_permutations(seed: int, bidirectional: bool, fast: bool) -> None:
    case = case_of(seed, symmetric=False, rescale=False)
    layer = layer_of(bidirectional=bidirectional)
    primal, encoding, edges = case.random_nodes(), case.random_nodes(), case.random_edges()
    new = run_layer(layer, State(primal, None, edges, encoding), case.at, fast=fast)
    moved_primal = case.move_nodes(primal, Law.invariant)
    after = State(moved_primal, None, case.move_edges(edges), encoding)
    moved = run_layer(layer, after, case.moved_at, fast=fast)
    assert new.dual is None
    assert_equal(moved.primal, case.move_nodes(new.primal, Law.invariant))
    assert_equal(moved.edges, case.move_edges(new.edges))


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_knows_no_scales_and_signs(kind: str, fast: bool) -> None:
    case = case_of(0, kinds=(kind,), symmetric=False)
    layer = layer_of(bidirectional=False)
    primal, encoding, edges = case.random_nodes(), case.random_nodes(), case.random_edges()
    new = run_layer(layer, State(primal, None, edges, encoding), case.at, fast=fast)
    after = State(case.move_nodes(primal, Law.primal), None, case.move_edges(edges), encoding)
    moved = run_layer(layer, after, case.moved_at, fast=fast)
    assert_different(moved.primal, case.move_nodes(new.primal, Law.primal))
    assert_different(moved.edges, case.move_edges(new.edges))


@pytest.mark.parametrize("fast", [False, True])
def test_direction(fast: bool) -> None:
    """Input neurons hear of their weights only where messages run backwards."""
    case = case_of(1, symmetric=False)
    primal, encoding, edges = case.random_nodes(), case.random_nodes(), case.random_edges()
    for bidirectional in (True, False):
        layer = layer_of(bidirectional=bidirectional)
        states = [State(primal, None, given, encoding) for given in (edges, edges + 1)]
        new, other = (
            run_layer(layer, state, case.at, fast=fast).primal[case.at.neurons.inputs] for state in states
        )
        assert torch.equal(new, other) != bidirectional


def test_options() -> None:
    case = case_of(1, symmetric=False)
    state = State(case.random_nodes(), None, case.random_edges(), case.random_nodes())
    layer = layer_of(bidirectional=True, update_edges=False)
    assert run_layer(layer, state, case.at, fast=True, edges=False).edges.shape == (0, WIDTH)
    assert run_layer(layer, state, case.at, fast=False).edges is state.edges
    common = layer_of(bidirectional=True, separate_io=False)
    assert common.of_inputs is common.of_outputs
    separate = layer_of(bidirectional=True)
    assert separate.of_inputs is not separate.of_outputs
