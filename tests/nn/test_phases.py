"""Phases of sine neurons, and the gate between the law of a neuron's sum and that of its output."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from scalegmn.graph import NetworkGraph, Structure, to_graph
from scalegmn.networks import Activation, mlp
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._phases import PhaseGate, PhaseStart, phases_of
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, assert_different, assert_equal, style_of

OMEGA = 3.0
NETWORK = mlp(widths=(1, 4, 2, 1), activations=[Activation("sine", OMEGA), Activation("relu")])
BIASES = torch.tensor([0, 0.4, -1.1, 2.0, 0, 0.3, -0.2, 0.5], dtype=torch.float64)
SIGN = torch.tensor([1, 1, -1, -1, 1, 1, 1, 1], dtype=torch.float64)
TURNS = torch.tensor([0, 3, 0, -5, 1, 0, 0, 0], dtype=torch.float64)
FLIP = (1 - 2 * (TURNS % 2)).unsqueeze(1)
S = SIGN.unsqueeze(1)


def graph_of(biases: Tensor) -> NetworkGraph:
    graph = to_graph(NETWORK, torch.ones(NETWORK.num_parameters, dtype=torch.float64))
    graph.node_bias = biases
    return graph


GRAPH, MOVED = graph_of(BIASES), graph_of(SIGN * BIASES + TURNS * torch.pi / OMEGA)
NEURONS = Neurons(Structure.from_graph(GRAPH), symmetric=True)


def phases(graph: NetworkGraph) -> Tensor:
    found = phases_of(graph, NEURONS)
    assert found is not None
    return found


def rows() -> Tensor:
    return torch.randn(8, WIDTH, generator=generator(1), dtype=torch.float64)


def gate(*, symmetrize: bool = True) -> PhaseGate:
    made = PhaseGate(style=dataclasses.replace(style_of(symmetrize=symmetrize), phases=True))
    return randomize(made, generator=generator(0)).double()


def test_phases_follow_both_flips() -> None:
    before, after = phases(GRAPH), phases(MOVED)
    assert_equal(after[:, :1], FLIP * before[:, :1])
    assert_equal(after[:, 1:], S * FLIP * before[:, 1:])
    assert math.isclose(float(before[2, 1]), math.sin(-1.1 * OMEGA))
    assert before[[0, 5, 6, 7]].tolist() == [[1, 0]] * 4


def test_the_sine_of_a_bias_of_0_stays_0() -> None:
    """Rounding makes of it something, which positive scales behind it would take for a direction."""
    assert MOVED.node_bias[4] != 0 and math.sin(OMEGA * float(MOVED.node_bias[4])) != 0
    assert phases(MOVED)[4].tolist() == [-1, 0]


def test_the_gradient_at_a_bias_of_0_is_the_cosine() -> None:
    bias = BIASES.clone().requires_grad_()
    phases(graph_of(bias))[4, 1].backward()
    assert bias.grad is not None and bias.grad[4] == OMEGA


def test_other_numbers_of_activations_are_no_frequencies() -> None:
    graph = graph_of(BIASES)
    graph.node_value = torch.where(GRAPH.node_layer == 1, OMEGA, torch.nan)
    assert torch.equal(phases(graph), phases(GRAPH))


def test_there_are_none_without_sines() -> None:
    network = mlp(widths=(1, 4, 1), activations=[Activation("tanh")])
    graph = to_graph(network, torch.ones(network.num_parameters))
    assert phases_of(graph, Neurons(Structure.from_graph(graph), symmetric=True)) is None


def test_what_stands_for_biases_has_their_law() -> None:
    start = randomize(PhaseStart(features=WIDTH), generator=generator(2)).double()
    bias, encoding = start(BIASES, rows(), phases(GRAPH), NEURONS)
    moved_bias, moved_encoding = start(MOVED.node_bias, rows(), phases(MOVED), NEURONS)
    assert_equal(moved_bias, SIGN * bias)
    assert_equal(moved_encoding, encoding)
    others = [0, 5, 6, 7]
    assert torch.equal(bias[others], BIASES[others])
    assert torch.equal(encoding[others], rows()[others])
    assert_different(encoding[1:5], rows()[1:5])


def test_what_neurons_send_has_the_law_of_their_output() -> None:
    x, z = rows(), rows() + 1
    for symmetrize in (True, False):
        emit = gate(symmetrize=symmetrize).emit
        sent = emit(x, z, phases(GRAPH), NEURONS)
        assert_equal(emit(S * x, z, phases(MOVED), NEURONS), S * FLIP * sent)
        assert torch.equal(sent[[0, 5, 6, 7]], x[[0, 5, 6, 7]])
        assert_different(emit(x, z, phases(MOVED), NEURONS), S * FLIP * sent)


def test_what_neurons_receive_gets_the_law_of_their_sum() -> None:
    x, r, receive = rows(), rows() + 1, gate().receive
    received = receive(r, x, phases(GRAPH))
    assert_equal(receive(S * FLIP * r, S * x, phases(MOVED)), S * received)
    assert torch.equal(received[[0, 5, 6, 7]], r[[0, 5, 6, 7]])


def test_layers_that_only_send_forwards_receive_nothing() -> None:
    made = PhaseGate(style=style_of(bidirectional=False))
    assert made.odd is None
