"""From a batch of networks to features of their neurons and edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.graph.spec import GraphSpec
from scalegmn.models.config import ModelConfig, Symmetry
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.duality import dual_start
from scalegmn.nn.message_passing import ScaleMessagePassing
from scalegmn.nn.normalisation import ParameterScale
from scalegmn.nn.permutation_passing import PermutationMessagePassing
from scalegmn.nn.positional import PositionalEncoding, encode_nodes
from scalegmn.nn.state import State
from scalegmn.nn.taps import TapBlock, TapEncoder, tap_blocks


@dataclass(frozen=True, eq=False)
class Reading:
    """What the backbone found: features, and how they are arranged."""

    state: State
    at: Arrangement
    blocks: list[TapBlock]


@final
class Backbone(nn.Module):
    """Encoders and message passing layers.

    Args:
        spec: limits of the networks it can read.
        config: options.
        update_last_edges: whether a head reads the edge features of the last layer.

    Law: see :class:`~scalegmn.nn.state.State`.
    """

    def __init__(self, *, spec: GraphSpec, config: ModelConfig, update_last_edges: bool) -> None:
        super().__init__()
        style = config.style
        self.config = config
        self.symmetric = config.symmetry is Symmetry.scaling
        self.scale = ParameterScale(layers=spec.layers)
        self.positional = PositionalEncoding(spec=spec, features=style.features, edges=config.edge_positional)
        self.of_bias = nn.Linear(1, style.features, bias=False)
        self.of_taps = TapEncoder(features=style.features, hidden=style.mlp.hidden)
        self.project_edges = nn.Linear(style.features, style.features, bias=False)
        self.dual_encoding = nn.Parameter(torch.randn(2, style.features)) if style.dual else None
        layer = ScaleMessagePassing if self.symmetric else PermutationMessagePassing
        last = config.layers - 1
        self.layers = nn.ModuleList(
            [
                layer(style=style, update_edges=number < last or update_last_edges)
                for number in range(config.layers)
            ]
        )

    def forward(self, graph: NetworkGraph) -> Reading:
        """Read a network or a batch."""
        at = Arrangement(graph, symmetric=self.symmetric)
        blocks = tap_blocks(graph)
        state = self._encode(graph, at, blocks)
        for layer in self.layers:
            state = self._after(layer(state, at), state)
        return Reading(state, at, blocks)

    def _encode(self, graph: NetworkGraph, at: Arrangement, blocks: list[TapBlock]) -> State:
        encoding = self.positional(graph, at)
        weight, bias = self.scale(graph)
        mapped = self.of_bias(at.nodes(bias).unsqueeze(1))
        primal = encode_nodes(mapped, encoding, at, multiply=self.symmetric)
        edges = at.edges(self.project_edges(self.of_taps(weight, blocks)))
        edge_encoding = self.positional.of_edges(graph, at)
        if edge_encoding is not None:
            edges = edges * edge_encoding if self.symmetric else edges + edge_encoding
        return State(primal, self._dual(primal, encoding, at), edges, encoding)

    def _dual(self, primal: Tensor, encoding: Tensor, at: Arrangement) -> Tensor | None:
        if self.dual_encoding is None:
            return None
        hidden = dual_start(primal[at.hidden], at.hidden_rows)
        inputs, outputs = (
            encoding[at.inputs] * self.dual_encoding[0],
            encoding[at.outputs] * self.dual_encoding[1],
        )
        return torch.cat([inputs, hidden, outputs])

    def _after(self, new: State, old: State) -> State:
        """Dropout and residual, which keep every law."""

        def join(after: Tensor, before: Tensor) -> Tensor:
            if after is before:
                return after
            if self.config.dropout > 0 and self.training:
                after = dropout(after, self.config.dropout)
            return after + before if self.config.skip else after

        dual = None if new.dual is None or old.dual is None else join(new.dual, old.dual)
        return State(join(new.primal, old.primal), dual, join(new.edges, old.edges), new.encoding)
