"""From a batch of networks to features of their neurons and edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.utils.checkpoint import checkpoint

from scalegmn.graph import AnyGraph, GraphSpec, Structure
from scalegmn.models._config import ModelConfig, Symmetry
from scalegmn.nn import (
    MESSAGES,
    AnyWidthMessagePassing,
    MessagePassingLayer,
    Neurons,
    ParameterScale,
    PermutationMessagePassing,
    PhaseStart,
    PositionalEncoding,
    ReadoutNeeds,
    ScaleMessagePassing,
    SortedGraph,
    State,
    TapBlock,
    TapEncoder,
    phases_of,
    start_dual,
    start_primal,
    tap_blocks,
)
from scalegmn.nn.fast import (
    Arrangement,
    Edges,
    Factored,
    FastState,
    Plan,
    PlanOptions,
    encodes_by_kind,
    execute_layer,
    factored_edges,
    finish_layer,
    materialize,
    start_of,
)


@final
@dataclass(frozen=True, eq=False)
class Reading:
    """What the backbone found.

    Attributes:
        state: features of the neurons that are needed, and of all edges in the order of the graph where
            edges are.
        neurons: the rows of the former.
        blocks: the taps of the latter.
    """

    state: State
    neurons: Neurons
    blocks: list[TapBlock]


@final
class Backbone(nn.Module):
    """Encoders and message passing layers.

    Args:
        spec: limits of the networks it can read.
        config: options.
        needs: what is read of the last layer.
        fast: run the layers by a plan (:mod:`scalegmn.nn.fast`); False calls the forward of each layer,
            whose code is its equation.  Weights and, to rounding, values and gradients are the same.  Layers
            with a message function that has no fast form are always called.

    Attributes:
        fast: see above; it may be changed at any time.
        recompute: keep only what goes from layer to layer for the gradient, and compute each layer again on
            the way back: less memory, a third more time.

    Law: see :class:`~scalegmn.nn.State`.
    """

    def __init__(
        self, *, spec: GraphSpec, config: ModelConfig, needs: ReadoutNeeds, fast: bool = True
    ) -> None:
        super().__init__()
        style = dataclasses.replace(config.style, products=spec.products)
        self.fast, self.recompute = fast, False
        self.config, self.symmetric = config, config.symmetry is not Symmetry.permutation
        self.options = PlanOptions(
            symmetric=self.symmetric,
            needs=needs,
            layers=config.layers,
            bidirectional=style.bidirectional,
            whole=style.any_width and style.bidirectional,
        )
        self.scale = ParameterScale(layers=spec.layers)
        self.positional = PositionalEncoding(spec=spec, features=style.features, edges=config.edge_positional)
        self.of_bias = nn.Linear(1, style.features, bias=False)
        self.of_taps = TapEncoder(features=style.features, hidden=style.mlp.hidden)
        self.project_edges = nn.Linear(style.features, style.features, bias=False)
        self.dual_encoding = nn.Parameter(torch.randn(2, style.features)) if style.dual else None
        self.phases = PhaseStart(features=style.features) if style.phases else None
        self.starts_low_rank = config.symmetry is Symmetry.scaling
        message, last = MESSAGES.get(config.message), config.layers - 1
        self.has_fast_form = message.has_fast_form

        def layer(*, update_edges: bool, first: bool) -> MessagePassingLayer:
            if style.any_width:
                return AnyWidthMessagePassing(
                    style=style, layers=spec.layers, update_edges=update_edges, first=first
                )
            if not self.symmetric:
                return PermutationMessagePassing(style=style, update_edges=update_edges)
            return ScaleMessagePassing(style=style, update_edges=update_edges, message=message)

        self.layers = nn.ModuleList(
            [
                layer(update_edges=index < last or needs.edges, first=index == 0)
                for index in range(config.layers)
            ]
        )

    def forward(self, graph: AnyGraph) -> Reading:
        """Read a network or a batch."""
        return self._read_fast(graph) if self.fast and self.has_fast_form else self._read_plain(graph)

    def _read_plain(self, graph: AnyGraph) -> Reading:
        structure = Structure.from_graph(graph)
        whole, blocks = SortedGraph.from_structure(structure, symmetric=self.symmetric), tap_blocks(structure)
        weight, bias, encoding, phase = self._read_parameters(graph, whole.neurons)
        primal, dual = self._start(bias, encoding, whole.neurons)
        edges = self._start_edges(weight, blocks)
        edges = self._encode(edges, self.positional.of_edges(whole.neurons, whole.target))
        state = State(primal, dual, edges, encoding, phase)
        for layer in self.layers:
            state = self._finish(self._run(layer, state, whole), state)
        return Reading(state, whole.neurons, blocks)

    def _read_fast(self, graph: AnyGraph) -> Reading:
        plan = Plan.from_structure(Structure.from_graph(graph), self.options)
        state, rate = self.fast_start(graph, plan), self.config.dropout if self.training else 0.0
        for layer, step in zip(self.layers, plan.steps, strict=True):
            new = self._run(execute_layer, layer, state, step)
            state = finish_layer(new, state, step, dropout_rate=rate, skip=self.config.skip)
        at = plan.steps[-1].written.at
        edges = at.restore_edges(materialize(state.edges))
        return Reading(State(state.primal, state.dual, edges, state.encoding), at.neurons, plan.blocks)

    def fast_start(self, graph: AnyGraph, plan: Plan) -> FastState:
        """What the first layer is given when layers run by a plan."""
        at = plan.steps[0].at
        weight, bias, encoding, phase = self._read_parameters(graph, at.neurons)
        primal, dual = self._start(bias, encoding, at.neurons)
        edges = self._fast_edges(weight, plan.blocks, at)
        if not (self.starts_low_rank and isinstance(edges, Factored)):
            return FastState(primal, dual, edges, encoding, phase)
        start = None
        if phase is None and encodes_by_kind(self.positional, graph, at):
            start = start_of(bias, self.of_bias.weight.squeeze(1), encoding, self.dual_encoding, at)
        return FastState(primal, dual, edges, encoding, phase, start)

    def _read_parameters(
        self, graph: AnyGraph, neurons: Neurons
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Weights of the graph; of the rows the biases, the encodings and, where they count, the phases."""
        encoding = self.positional(graph, neurons)
        weight, bias = self.scale(graph)
        bias, phase = neurons.take(bias), None
        if self.phases is not None:
            phase = phases_of(graph, neurons)
            if phase is not None:
                bias, encoding = self.phases(bias, encoding, phase, neurons)
        return weight, bias, encoding, phase

    def _start(self, bias: Tensor, encoding: Tensor, neurons: Neurons) -> tuple[Tensor, Tensor | None]:
        """Primal and dual features before the first layer."""
        own, ends = self.of_bias(bias.unsqueeze(1)), self.dual_encoding
        primal = start_primal(own, encoding, neurons, multiply=self.symmetric)
        if ends is None:
            return primal, None
        any_width = self.config.symmetry is Symmetry.any_width
        return primal, start_dual(primal, encoding, ends, neurons, any_width=any_width)

    def _start_edges(self, weight: Tensor, blocks: list[TapBlock]) -> Tensor:
        edges: Tensor = self.project_edges(self.of_taps(weight, blocks))
        return edges

    def _encode(self, edges: Tensor, encoding: Tensor | None) -> Tensor:
        if encoding is None:
            return edges
        return edges * encoding if self.symmetric else edges + encoding

    def _fast_edges(self, weight: Tensor, blocks: list[TapBlock], at: Arrangement) -> Edges:
        # Encodings that are added are not linear in the weights.
        if self.symmetric or self.positional.of_edge_layer is None:
            found = factored_edges(
                weight,
                blocks,
                at,
                taps=self.of_taps,
                projection=self.project_edges,
                positional=self.positional,
            )
            if found is not None:
                return found
        edges = at.edges(self._start_edges(weight, blocks))
        return self._encode(edges, self.positional.of_edges(at.neurons, at.target.index))

    def _run(self, function: Callable[..., Any], *given: object) -> Any:
        """The result of a layer, with or without what its gradient needs."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(function, *given, use_reentrant=False)
        return function(*given)

    def _finish(self, new: State, old: State) -> State:
        """Dropout and residual connection, which keep every law."""
        rate, skip = self.config.dropout, self.config.skip

        def join(after: Tensor, before: Tensor) -> Tensor:
            after = dropout(after, rate, self.training)
            return after + before if skip else after

        dual = None if new.dual is None or old.dual is None else join(new.dual, old.dual)
        edges = join(new.edges, old.edges)
        return State(join(new.primal, old.primal), dual, edges, new.encoding, new.phase)


def recompute_layers(model: nn.Module) -> int:
    """Let all backbones in `model` compute their layers again for the gradient; says how many there are."""
    backbones = [module for module in model.modules() if isinstance(module, Backbone)]
    for backbone in backbones:
        backbone.recompute = True
    return len(backbones)
