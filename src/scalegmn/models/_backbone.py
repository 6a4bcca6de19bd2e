"""From a batch of networks to features of their neurons and edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from scalegmn.graph import GraphSpec, NetworkGraph, Structure
from scalegmn.models._config import ModelConfig, Symmetry
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.dropout import dropout
from scalegmn.nn.duality import dual_start
from scalegmn.nn.factored import Edges, Factored, multiplied
from scalegmn.nn.message_passing import ScaleMessagePassing
from scalegmn.nn.normalisation import ParameterScale
from scalegmn.nn.permutation_passing import PermutationMessagePassing
from scalegmn.nn.plans import Plan, PlanOptions
from scalegmn.nn.positional import PositionalEncoding, encode_nodes
from scalegmn.nn.senders import start_of
from scalegmn.nn.state import State
from scalegmn.nn.steps import Step, Wanted
from scalegmn.nn.taps import TapBlock, TapEncoder, one_hot_columns, tap_columns


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
        wanted: what is read of the last layer.

    Attributes:
        recompute: keep only what goes from layer to layer for the gradient, and compute each layer again on
            the way back: less memory, a third more time.

    Law: see :class:`~scalegmn.nn.state.State`.
    """

    def __init__(self, *, spec: GraphSpec, config: ModelConfig, wanted: Wanted) -> None:
        super().__init__()
        style = config.style
        self.recompute = False
        self.config, self.symmetric = config, config.symmetry is Symmetry.scaling
        self.options = PlanOptions(
            symmetric=self.symmetric,
            wanted=wanted,
            layers=config.layers,
            bidirectional=style.bidirectional,
        )
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
                layer(style=style, update_edges=number < last or wanted.edges)
                for number in range(config.layers)
            ]
        )

    def forward(self, graph: NetworkGraph) -> Reading:
        """Read a network or a batch."""
        plan = Plan.of(Structure.of(graph), self.options)
        state = self._encode(graph, plan.steps[0].at, plan.blocks)
        for layer, step in zip(self.layers, plan.steps, strict=True):
            state = self._after(self._new(layer, state, step), state, step)
        return Reading(state, plan.steps[-1].written.at, plan.blocks)

    def _new(self, layer: nn.Module, state: State, step: Step) -> State:
        if not (self.recompute and torch.is_grad_enabled()):
            new: State = layer(state, step)
            return new
        again: State = checkpoint(layer, state, step, use_reentrant=False)
        return again

    def _encode(self, graph: NetworkGraph, at: Arrangement, blocks: list[TapBlock]) -> State:
        encoding = self.positional(graph, at)
        weight, bias = self.scale(graph)
        bias = at.nodes(bias)
        own = self.of_bias(bias.unsqueeze(1))
        primal = encode_nodes(own, encoding, at, multiply=self.symmetric)
        edges, start = self._encode_edges(graph, at, weight, blocks), None
        if self.symmetric and isinstance(edges, Factored) and self.positional.by_kind(graph, at):
            start = start_of(bias, self.of_bias.weight.squeeze(1), encoding, self.dual_encoding, at)
        return State(primal, self._dual(primal, encoding, at), edges, encoding, start)

    def _encode_edges(
        self, graph: NetworkGraph, at: Arrangement, weight: Tensor, blocks: list[TapBlock]
    ) -> Edges:
        """Projection and encoding of edges are linear: they act on the few vectors of taps, not on edges."""
        of_layer, width = self.positional.of_edge_layer, self.config.features
        parts = 1 if of_layer is None else len(of_layer)
        if parts * tap_columns(blocks) > width or (parts > 1 and not self.symmetric):
            edges = at.edges(self.project_edges(self.of_taps(weight, blocks)))
            encoding = self.positional.of_edges(at)
            if encoding is None:
                return edges
            return edges * encoding if self.symmetric else edges + encoding
        layers = None if of_layer is None else self.positional.edge_layers(at)
        columns = one_hot_columns(at.edges(self.of_taps.columns(weight, blocks)), layers, parts)
        vectors = self.project_edges(self.of_taps.all_vectors(blocks))
        if of_layer is not None:
            vectors = (of_layer.unsqueeze(1) * vectors).flatten(0, 1)
        return Factored(columns, vectors, single=tap_columns(blocks) == 1)

    def _dual(self, primal: Tensor, encoding: Tensor, at: Arrangement) -> Tensor | None:
        if self.dual_encoding is None:
            return None
        hidden = dual_start(primal[at.hidden], at.hidden_rows)
        inputs, outputs = (
            encoding[at.inputs] * self.dual_encoding[0],
            encoding[at.outputs] * self.dual_encoding[1],
        )
        return torch.cat([inputs, hidden, outputs])

    def _after(self, new: State, old: State, step: Step) -> State:
        """Dropout and residual, which keep every law."""
        rate = self.config.dropout if self.training else 0.0
        old = step.written.state(old) if self.config.skip else old

        def join(after: Tensor, before: Tensor) -> Tensor:
            after = dropout(after, rate) if rate > 0 else after
            # In place: what made `after` needs its arguments for the gradient, not its result.
            return after.add_(before) if self.config.skip else after

        dual = None if new.dual is None or old.dual is None else join(new.dual, old.dual)
        edges = multiplied(new.edges)
        if step.written.at.num_edges:
            edges = join(edges, multiplied(old.edges))
        return State(join(new.primal, old.primal), dual, edges, new.encoding)


def recompute_layers(model: nn.Module) -> int:
    """Let all backbones in `model` compute their layers again for the gradient; says how many there are."""
    backbones = [module for module in model.modules() if isinstance(module, Backbone)]
    for backbone in backbones:
        backbone.recompute = True
    return len(backbones)
