"""Bringing the parameters of each layer to the size 1, by constants learned from a population."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.networks.topology import EdgeKind, Role
from scalegmn.shapes import NodeScalars, TapScalars


@final
class ParameterScale(nn.Module):
    """One constant for the weights and one for the biases of every layer, by which they are divided.

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
    def fit(self, graph: NetworkGraph) -> None:
        """Set the constants to the root mean squares over the networks of `graph`."""
        tap_layer = _tap_layers(graph)
        weights = (graph.edge_kind != int(EdgeKind.SKIP)).repeat_interleave(graph.edge_taps)
        self.weight.copy_(_root_mean_square(graph.tap_weight[weights], tap_layer[weights], self.weight))
        biased = graph.node_role != int(Role.INPUT)
        self.bias.copy_(_root_mean_square(graph.node_bias[biased], graph.node_layer[biased], self.bias))

    def forward(self, graph: NetworkGraph) -> tuple[TapScalars, NodeScalars]:
        """Scaled weights ``(T,)`` and biases ``(V,)``."""
        return graph.tap_weight / self.of_taps(graph), graph.node_bias / self.of_nodes(graph)

    def of_taps(self, graph: NetworkGraph) -> TapScalars:
        """The constant of every tap, ``(T,)``; 1 for skip connections."""
        by_edge = self.weight[graph.node_layer[graph.edge_index[1]]]
        by_edge = torch.where(graph.edge_kind == int(EdgeKind.SKIP), 1, by_edge)
        return (
            by_edge
            if by_edge.numel() == graph.tap_weight.numel()
            else by_edge.repeat_interleave(graph.edge_taps)
        )

    def of_nodes(self, graph: NetworkGraph) -> NodeScalars:
        """The constant of every bias, ``(V,)``."""
        return self.bias[graph.node_layer]


def _tap_layers(graph: NetworkGraph) -> Tensor:
    return graph.node_layer[graph.edge_index[1]].repeat_interleave(graph.edge_taps)


def _root_mean_square(values: Tensor, layer: Tensor, like: Tensor) -> Tensor:
    squares = torch.zeros(like.numel(), dtype=torch.float64, device=like.device)
    squares.index_add_(0, layer, values.double().square())
    counts = torch.bincount(layer, minlength=like.numel())
    found = (squares > 0) & (counts > 0)
    return torch.where(found, (squares / counts.clamp_min(1)).sqrt(), 1).to(like)
