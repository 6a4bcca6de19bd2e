"""Normalization of the parameters of each layer by their root mean square over a population."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.graph import AnyGraph
from scalegmn.networks import EdgeType, Role
from scalegmn.nn._fitted import mark_fitted, warn_if_unfitted
from scalegmn.nn._robust import of_ordinary_size
from scalegmn.shapes import NodeScalars, TapScalars


@final
class ParameterScale(nn.Module):
    r"""Weights and biases divided by one constant each per layer.

    .. math:: w \to w / s_\ell, \qquad b \to b / t_\ell

    A constant per layer keeps every law; a mean, which is not subtracted, would break them.  Until
    :meth:`fit` is called the constants are 1.

    Args:
        layers: hidden layers at most.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, *, layers: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(layers + 2))
        self.register_buffer("bias", torch.ones(layers + 2))

    @torch.no_grad()
    def fit(self, graph: AnyGraph) -> None:
        """Set the constants to the root mean squares over the networks of `graph`.

        In each layer, networks whose own root mean square is more than ten times the median of all networks
        are left out: a single training run that diverged would decide the constant.
        """
        mark_fitted(self)
        target = graph.edge_index[1].repeat_interleave(graph.edge_taps)
        weights = (graph.edge_type != int(EdgeType.skip)).repeat_interleave(graph.edge_taps)
        self.weight.copy_(_root_mean_square(graph.tap_weight[weights], target[weights], graph, self.weight))
        biased = torch.nonzero(graph.node_role != int(Role.input)).squeeze(1)
        self.bias.copy_(_root_mean_square(graph.node_bias[biased], biased, graph, self.bias))

    def forward(self, graph: AnyGraph) -> tuple[TapScalars, NodeScalars]:
        """Scaled weights ``(T,)`` and biases ``(V,)``; warns in a training run without :meth:`fit`."""
        warn_if_unfitted(self, self.weight)
        return graph.tap_weight / self.of_taps(graph), graph.node_bias / self.of_nodes(graph)

    def of_taps(self, graph: AnyGraph) -> TapScalars:
        """The constant of every tap, ``(T,)``; 1 for skip connections."""
        by_edge = self.weight[graph.node_layer[graph.edge_index[1]]]
        by_edge = torch.where(graph.edge_type == int(EdgeType.skip), 1, by_edge)
        taps = graph.tap_weight.numel()
        if by_edge.numel() == taps:
            return by_edge
        return by_edge.repeat_interleave(graph.edge_taps, output_size=taps)

    def of_nodes(self, graph: AnyGraph) -> NodeScalars:
        """The constant of every bias, ``(V,)``."""
        return self.bias[graph.node_layer]


def _root_mean_square(values: Tensor, node: Tensor, graph: AnyGraph, like: Tensor) -> Tensor:
    """Per layer, of values that belong to these nodes."""
    layer, network = graph.node_layer[node], graph.node_network[node]
    slot = network * like.numel() + layer
    squares, counts = _squares(values, slot, graph.num_graphs * like.numel())
    sizes = (squares / counts.clamp_min(1)).sqrt().reshape(graph.num_graphs, -1)
    ordinary = of_ordinary_size(sizes, (counts > 0).reshape(sizes.shape)).flatten()[slot]
    if not bool(ordinary.all()):
        values, layer = values[ordinary], layer[ordinary]
    squares, counts = _squares(values, layer, like.numel())
    found = (squares > 0) & (counts > 0)
    return torch.where(found, (squares / counts.clamp_min(1)).sqrt(), 1).to(like)


def _squares(values: Tensor, slot: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """The sum of the squares of the values of each slot, and how many there are."""
    squares = torch.zeros(slots, dtype=torch.float64, device=values.device)
    squares.index_add_(0, slot, values.double().square())
    return squares, torch.bincount(slot, minlength=slots)
