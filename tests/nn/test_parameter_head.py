"""From features back to parameters."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import Structure, update_parameters
from scalegmn.nn._parameter_head import ParameterHead
from scalegmn.nn._state import State
from scalegmn.nn._taps import tap_blocks
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, Case, case_of


def head(copies: int = 1) -> ParameterHead:
    made = ParameterHead(features=WIDTH, hidden=6, copies=copies)
    return randomize(made, generator=generator(0)).double()


def per_network(case: Case, taps: torch.Tensor, biases: torch.Tensor) -> list[torch.Tensor]:
    """Packed updates of every network of the batch, by the first of the networks that are written."""
    taps, biases = taps[0], biases[0]
    tap_parts = taps.split([action.topology.tap_edge.numel() for action in case.actions])
    bias_parts = biases.split([action.topology.num_nodes for action in case.actions])
    return [
        update_parameters(architecture, t, b)[0]
        for (architecture, _), t, b in zip(case.networks, tap_parts, bias_parts, strict=True)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_updates_have_the_law_of_their_parameters(seed: int) -> None:
    case = case_of(seed)
    primal, edges = case.random_nodes(), case.random_edges()
    state = State(primal, None, case.at.restore_edges(edges), primal)
    moved_edges = case.moved_at.restore_edges(case.move_edges(edges))
    moved = State(case.move_nodes(primal, Law.primal), None, moved_edges, primal)
    write = head()
    before = per_network(case, *write(state, case.at.neurons, tap_blocks(Structure.from_graph(case.graph))))
    after = per_network(
        case, *write(moved, case.moved_at.neurons, tap_blocks(Structure.from_graph(case.moved)))
    )
    for action, element, one, other in zip(case.actions, case.elements, before, after, strict=True):
        expected = action.apply_update(one, element)
        assert (expected != 0).any()
        torch.testing.assert_close(other, expected, rtol=1e-9, atol=1e-11)


def test_linear_but_for_the_biases_of_outputs() -> None:
    case = case_of(1)
    primal, edges = case.random_nodes(), case.random_edges()
    write, blocks = head(), tap_blocks(Structure.from_graph(case.graph))
    taps, biases = write(State(primal, None, edges, primal), case.at.neurons, blocks)
    double_taps, double_biases = write(State(2 * primal, None, 2 * edges, primal), case.at.neurons, blocks)
    torch.testing.assert_close(double_taps, 2 * taps)
    outputs = case.graph.node_role == 2
    assert taps.shape == (1, len(case.graph.tap_weight)) and biases.shape == (1, len(outputs))
    torch.testing.assert_close(double_biases[:, ~outputs], 2 * biases[:, ~outputs])
    torch.testing.assert_close(double_biases[:, outputs], 2 * biases[:, outputs] - write.of_outputs.bias)
    assert (biases[:, case.graph.node_role == 0] == 0).all()


def test_features_are_dealt_out_to_the_networks_that_are_written() -> None:
    """Each reads its own part of the features, and all parts together are read as by one."""
    case = case_of(1)
    primal, edges = case.random_nodes(), case.random_edges()
    blocks, outputs = tap_blocks(Structure.from_graph(case.graph)), case.graph.node_role == 2
    several, single = head(copies=WIDTH), head()
    assert [p.shape for p in several.parameters()] == [p.shape for p in single.parameters()]
    taps, biases = several(State(primal, None, edges, primal), case.at.neurons, blocks)
    changed = [torch.cat([part[:, :1], 0 * part[:, 1:]], dim=1) for part in (primal, edges)]
    first_taps, first_biases = several(State(changed[0], None, changed[1], primal), case.at.neurons, blocks)
    torch.testing.assert_close((first_taps[0], first_biases[0]), (taps[0], biases[0]), rtol=0, atol=0)
    assert (first_taps[1:] == 0).all() and not (taps[1] == 0).all()
    whole_taps, whole_biases = single(State(primal, None, edges, primal), case.at.neurons, blocks)
    torch.testing.assert_close(taps.sum(0) / WIDTH**0.5, whole_taps[0])
    torch.testing.assert_close(biases.sum(0)[~outputs], whole_biases[0, ~outputs])
