"""Phases of sines: biases near the end of their range, where rounding or training takes them around."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from scalegmn.networks import CONSTANT, Architecture
from scalegmn.shapes import Parameters
from scalegmn.symmetry import SymmetryAction

_ROUNDS: Final = 10
"""A neuron is decided by the signs of its neighbors, which may change after it."""


def has_phases(architecture: Architecture) -> bool:
    """Whether any neuron may be shifted by half a period."""
    return any(activation.properties.periodic for activation in architecture.hidden_activations)


def half_periods(architecture: Architecture) -> Tensor:
    """The half period of every bias that may be shifted by it, 0 elsewhere, ``(P,)`` float64."""
    found = torch.zeros(architecture.num_parameters, dtype=torch.float64)
    if has_phases(architecture):
        action = SymmetryAction(architecture)
        places = action.topology.bias_parameter
        nodes = (action.half_period > 0) & action.free & (places != CONSTANT)
        found[places[nodes]] = action.half_period[nodes]
    return found


def nearest_phases(architecture: Architecture, reference: Parameters, other: Parameters) -> Parameters:
    r"""The signs and phases of sine neurons that bring them nearest to those of another network.

    Layer by layer, until nothing changes: incoming weights by s, the bias to ``s b + k h`` with h the
    half period, outgoing weights by ``s (-1)**k``; of the two signs and the best two k for each the one that
    gains most is taken.

    Args:
        architecture: of both.
        reference: parameters, ``(P,)``.
        other: of the network that is moved, ``(P,)``.

    Returns:
        Parameters with the function of `other`, ``(P,)``.
    """
    action = SymmetryAction(architecture)
    top = action.topology
    biased = top.bias_parameter != CONSTANT
    movable = (action.half_period > 0) & action.free & biased
    moved = other.clone()
    for _ in range(_ROUNDS):
        before = moved
        for layer in range(1, int(top.node_layer.max())):
            nodes = torch.nonzero(movable & (top.node_layer == layer)).squeeze(1)
            if nodes.numel():
                moved = _layer(action, nodes, reference, moved)
        if torch.equal(moved, before):
            break
    return moved


def _layer(action: SymmetryAction, nodes: Tensor, reference: Parameters, other: Parameters) -> Parameters:
    top = action.topology
    taps = top.tap_parameter != CONSTANT
    parameters, edges = top.tap_parameter[taps], top.tap_edge[taps]
    products = (reference * other)[parameters]
    incoming = _summed(products, top.target[edges], top.num_nodes)[nodes]
    outgoing = _summed(products, top.source[edges], top.num_nodes)[nodes]
    places = top.bias_parameter[nodes]
    first, second, half = reference[places], other[places], action.half_period[nodes].to(other)
    best = torch.full_like(first, -torch.inf)
    sign, turns = torch.ones_like(first), torch.zeros_like(first)
    for flip in (1.0, -1.0):
        nearest = torch.round((first - flip * second) / half)
        for number in (nearest, nearest + 1, nearest - 1):
            missed = first - flip * second - number * half
            parity = 1 - 2 * torch.remainder(number, 2)
            # Up to what no choice changes, half the squared distance.
            gain = flip * incoming + flip * parity * outgoing - missed.square() / 2
            better = gain > best
            best = torch.where(better, gain, best)
            sign, turns = torch.where(better, flip, sign), torch.where(better, number, turns)
    element = action.identity()
    element.scale[nodes] = sign.double()
    element.phase[nodes] = turns.long()
    return action.apply(other, element)


def _summed(values: Tensor, index: Tensor, count: int) -> Tensor:
    return torch.zeros(count, dtype=values.dtype).index_add_(0, index, values)
