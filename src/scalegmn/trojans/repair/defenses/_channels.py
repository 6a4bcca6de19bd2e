"""The hidden channels of networks, and taking them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture, Role, topology_of


@final
@dataclass(frozen=True, eq=False)
class Channels:
    """Which parameters belong to each of the U hidden channels (or neurons) of an architecture.

    Attributes:
        layer: number of the weighted layer that each channel is an output of, from 0, ``(U,)``.
        incoming: for every parameter, the channel whose kernel or bias it is part of, or U, ``(P,)``.
        outgoing: for every parameter, the channel that it reads, or U, ``(P,)``.
        is_bias: for every parameter, whether it is a bias, ``(P,)``.
    """

    layer: Tensor
    incoming: Tensor
    outgoing: Tensor
    is_bias: Tensor

    @property
    def count(self) -> int:
        """U."""
        return len(self.layer)

    def spread(self, values: Tensor, places: Tensor) -> Tensor:
        """One of the values ``(B, U)`` for every parameter, by `incoming` or `outgoing`; 1 elsewhere."""
        padded = torch.cat([values, values.new_ones(len(values), 1)], dim=1)
        return padded[:, places.to(values.device)]

    def prune(self, theta: Tensor, gone: Tensor) -> Tensor:
        """Networks ``(B, P)`` without some channels.

        Everything that leads to a channel and everything that reads it is zero.  With activations that
        are zero at zero a channel also stays out in later training, as no gradient reaches it.  A skip
        connection that ends in a channel is no parameter and still feeds it.

        Args:
            theta: ``(B, P)``; not changed.
            gone: which channels, ``(B, U)`` bool.
        """
        kept = (~gone).to(theta)
        factor = self.spread(kept, self.incoming) * self.spread(kept, self.outgoing)
        return torch.where(factor == 0, torch.zeros_like(theta), theta)


@lru_cache(maxsize=256)
def channels_of(architecture: LayeredArchitecture) -> Channels:
    """The hidden channels of an architecture, layer by layer.  Cached; do not write into its tensors."""
    graph = topology_of(architecture)
    hidden = torch.nonzero(graph.node_role == Role.hidden).flatten()
    number = torch.full((graph.num_nodes,), len(hidden))
    number[hidden] = torch.arange(len(hidden))
    incoming, outgoing = torch.full((2, architecture.num_parameters), len(hidden))
    is_bias = torch.zeros(architecture.num_parameters, dtype=torch.bool)
    real = graph.tap_parameter >= 0
    taps, edges = graph.tap_parameter[real], graph.tap_edge[real]
    incoming[taps], outgoing[taps] = number[graph.target[edges]], number[graph.source[edges]]
    biased = graph.bias_parameter >= 0
    incoming[graph.bias_parameter[biased]] = number[biased]
    is_bias[graph.bias_parameter[biased]] = True
    return Channels(graph.node_layer[hidden] - 1, incoming, outgoing, is_bias)
