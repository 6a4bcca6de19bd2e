"""The layer that respects permutations only: the graph metanetwork that scale symmetry is compared with.

Messages and updates are perceptrons of concatenated features.  Source: Lim et al. 2024, Kofinas et al.
2024.  It must fail tests of scale symmetry.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn.factored import multiplied
from scalegmn.nn.layer import Layer
from scalegmn.nn.mlp import MLP
from scalegmn.nn.segments import Incidence
from scalegmn.nn.state import State
from scalegmn.nn.steps import Step
from scalegmn.nn.style import LayerStyle


@final
class PermutationMessagePassing(Layer):
    """``x_i <- MLP(x_i, sum_j MLP(x_j, e_ij), ...)``, ``e_ij <- MLP(e_ij, x_i, x_j)``.

    Args:
        style: options; those of scale symmetry are without effect.
        update_edges: whether later layers or the head need new edge features.

    Law: every tensor is invariant to nothing but follows permutations of the hidden neurons.
    """

    def __init__(self, *, style: LayerStyle, update_edges: bool) -> None:
        super().__init__()
        width, hidden = style.features, style.mlp.hidden
        directions = 2 if style.bidirectional else 1
        self.messages = nn.ModuleList([EdgePerceptron(style=style, sources=1) for _ in range(directions)])
        self.edge_update = EdgePerceptron(style=style, sources=2) if update_edges else None
        self.of_inputs = MLP(width * (1 + directions), width, style=style.mlp)
        self.of_hidden = MLP(width * (1 + directions), width, style=style.mlp)
        self.of_outputs = (
            MLP(width * (1 + directions), width, style=style.mlp) if style.separate_io else self.of_inputs
        )
        self.edge_maps = nn.Linear(width, hidden * (directions + update_edges), bias=False)

    def forward(self, state: State, step: Step) -> State:
        """See the class; no dropout or residual here."""
        written, edges = step.written, multiplied(state.edges)
        weights = list(self.edge_maps.weight.split(self.edge_maps.out_features // self._count))
        inputs = [state.primal]
        for message, part, backward in zip(
            self.messages, [step.forward, step.backward], [False, True], strict=False
        ):
            assert part is not None
            at = part.at
            sender, receiver = (at.target, at.source) if backward else (at.source, at.target)
            own = linear(part.edges.take(edges), weights.pop(0))
            inputs.append(receiver.sum(message(own, state.primal, [sender])))
        own, hidden, answer = written.at.by_role(written.nodes.take(torch.cat(inputs, dim=1)))
        primal = torch.cat([self.of_inputs(own), self.of_hidden(hidden), self.of_outputs(answer)])
        old = written.state(State(state.primal, None, edges, state.encoding))
        edges = multiplied(old.edges)
        if self.edge_update is not None and written.at.num_edges:
            ends = [written.at.target, written.at.source]
            edges = self.edge_update(linear(edges, weights.pop(0)), old.primal, ends)
        return State(primal, None, edges, old.encoding)

    @property
    def _count(self) -> int:
        return len(self.messages) + (self.edge_update is not None)


@final
class EdgePerceptron(nn.Module):
    """``MLP(e, x_a, x_b, ...)`` on edges; the maps of node features run on nodes, before the gathering."""

    def __init__(self, *, style: LayerStyle, sources: int) -> None:
        super().__init__()
        self.mlp = MLP(style.features, style.features, style=style.mlp)
        others = [nn.Linear(style.features, style.mlp.hidden, bias=False) for _ in range(sources - 1)]
        self.others = nn.ModuleList(others)

    def forward(self, mapped_edges: Tensor, x: Tensor, ends: list[Incidence]) -> Tensor:
        """``W e (E, hidden)``, node features ``(V, D)`` and ends of the edges to ``(E, D)``."""
        hidden = mapped_edges
        for own, end in zip([self.mlp.first, *self.others], ends, strict=True):
            hidden = hidden + end.gather(own(x))
        return self.mlp.rest(hidden)
