"""The layer that respects permutations and rescalings, forwards and in both directions.

Paper: Kalogeropoulos et al. 2024, section 5.2.  Going past it: dual features for the backward
direction, see :mod:`scalegmn.nn.duality`.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.nn.alike import Pairs
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.chunks import chunk_rows, chunks
from scalegmn.nn.duality import carry, emitted, received
from scalegmn.nn.edge_maps import EdgeMap
from scalegmn.nn.factored import Edges, Factored, mapped, multiplied, taken
from scalegmn.nn.invariant import ScaleInvariant
from scalegmn.nn.layer import Layer
from scalegmn.nn.messages import Messages
from scalegmn.nn.mlp import MLP
from scalegmn.nn.roles import LabelledMaps, NodeUpdate
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.state import State
from scalegmn.nn.steps import Part, Step
from scalegmn.nn.style import LayerStyle
from scalegmn.shapes import EdgeFeatures, NodeFeatures


@final
class ScaleMessagePassing(Layer):
    """Messages, node updates and, unless it is the last layer, an edge update.

    Args:
        style: options.
        update_edges: whether later layers or the head need new edge features.
    """

    def __init__(self, *, style: LayerStyle, update_edges: bool) -> None:
        super().__init__()
        width = style.features
        self.style = style
        self.forward_messages = Messages(style=style, backward=False)
        self.backward_messages = Messages(style=style, backward=True) if style.bidirectional else None
        directions = 2 if style.bidirectional else 1
        extras = width * (style.positional_in_updates + style.bidirectional)
        self.primal_update = NodeUpdate(width * (1 + directions), style=style, extras=extras)
        self.dual_update = (
            NodeUpdate(width * (1 + directions), style=style, extras=extras) if style.bidirectional else None
        )
        self.edge_update = EdgeUpdate(style=style) if update_edges else None
        # All linear maps of the edge features are one product.
        self.edge_maps = nn.Linear(width, width * (directions + update_edges), bias=False)

    def forward(self, state: State, step: Step) -> State:
        """See the class; no dropout or residual here."""
        at, old, start = step.at, step.written.state(state), state.start
        maps = self._edge_maps(state.edges, step)
        sent = emitted(state.primal, at.degree)
        message = self.forward_messages(
            sent, maps.pop(0), state.encoding, step.forward.at, start and start.primal
        )
        primal_inputs, dual = [state.primal, message], None
        extras = [old.encoding] if self.style.positional_in_updates else []
        if self.backward_messages is not None and state.dual is not None and step.backward is not None:
            returned = self.backward_messages(
                state.dual, maps.pop(0), state.encoding, step.backward.at, start and start.dual
            )
            returned = received(returned, state.primal, at.degree)
            assert old.dual is not None
            extras.append(old.primal * old.dual)
            primal_inputs.append(_on_hidden(returned, state.primal, at))
            if step.duals and self.dual_update is not None:
                dual_inputs = torch.cat([state.dual, returned, _on_hidden(message, state.dual, at)], dim=1)
                dual = self.dual_update(
                    step.written.nodes.take(dual_inputs), step.written.at, torch.cat(extras, dim=1)
                )
        joined_extras = torch.cat(extras, dim=1) if extras else None
        inputs = step.written.nodes.take(torch.cat(primal_inputs, dim=1))
        primal = self.primal_update(inputs, step.written.at, joined_extras)
        edges = multiplied(old.edges)
        if self.edge_update is not None and step.written.at.num_edges:
            # Dropout in perceptrons is drawn for each edge.
            alike = not (self.training and self.style.mlp.dropout > 0)
            pairs = _pairs(state, step.written) if alike else None
            edges = self.edge_update(maps.pop(0), old, step.written.at, pairs)
        return State(primal, dual, edges, old.encoding)

    def _edge_maps(self, edges: Edges, step: Step) -> list[EdgeMap]:
        """``W e`` for the messages of every direction and the edge update, each on its edges."""
        weights = self.edge_maps.weight.split(self.style.features)
        parts = [step.forward, *([] if step.backward is None else [step.backward])]
        parts += [step.written] if self.edge_update is not None and step.written.at.num_edges else []
        in_parts = chunk_rows(self.edge_maps.weight) is not None
        together = len(parts) == len(weights) and all(part.edges.whole for part in parts)
        if together and not in_parts and not isinstance(edges, Factored):
            found = mapped(edges, self.edge_maps.weight)
            return [EdgeMap(own) for own in found.split(self.style.features, dim=1)]
        return [
            EdgeMap.of(taken(edges, part.edges), weight, in_parts=in_parts)
            for part, weight in zip(parts, weights, strict=False)
        ]


def _on_hidden(m: Tensor, like: Tensor, at: Arrangement) -> Tensor:
    """Carry m to the law of `like` on hidden neurons; the two laws agree elsewhere."""
    if at.hidden_rows.scale is False:
        return m
    inputs, hidden, outputs = at.by_role(m)
    return torch.cat([inputs, carry(hidden, at.by_role(like)[1], at.hidden_rows), outputs])


def _pairs(state: State, written: Part) -> Pairs | None:
    """Pairs of the edges that are written, where it is known which nodes are alike."""
    if state.start is None or state.start.alike is None:
        return None
    return Pairs.of(written.nodes.take(state.start.alike), written.at)


@final
class NodeInvariants(nn.Module):
    """What edges may know about their ends.  Law: invariant.

    The primal and the dual feature lose their factor each, and their product has none.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.primal = ScaleInvariant(
            width, width, extras=width * style.bidirectional, symmetrise=style.symmetrise, style=style.mlp
        )
        self.dual = (
            ScaleInvariant(width, width, symmetrise=style.symmetrise, style=style.mlp)
            if style.bidirectional
            else None
        )
        self.labelled = LabelledMaps(width * (1 + style.bidirectional), width, style=style)

    def forward(self, state: State, at: Arrangement) -> NodeFeatures:
        """``(V, D)``."""
        x, u, rows = state.primal, state.dual, at.hidden_rows
        inputs, _, outputs = at.by_role(x if u is None else torch.cat([x, u], dim=1))
        return torch.cat(
            [
                self.labelled.of_inputs(inputs),
                self._hidden(at.by_role(x)[1], None if u is None else at.by_role(u)[1], rows),
                self.labelled.of_outputs(outputs),
            ]
        )

    def _hidden(self, x: Tensor, u: Tensor | None, rows: GroupRows) -> Tensor:
        if u is None or self.dual is None:
            return self.primal(x, rows)
        return self.primal(x, rows, x * u) + self.dual(u, rows)


@final
class EdgeUpdate(nn.Module):
    """``(W e_ij) * rho(z_i, z_j)`` with z the invariants of the two ends.  Law: edge.

    The first layer of rho is linear in ``(z_i, z_j)``, so both halves are computed on nodes and only
    their sum on edges.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.invariants = NodeInvariants(style=style)
        self.rho = MLP(width, width, style=style.mlp)
        self.of_source = nn.Linear(width, style.mlp.hidden, bias=False)

    def forward(
        self, edges: EdgeMap, state: State, at: Arrangement, pairs: Pairs | None = None
    ) -> EdgeFeatures:
        """``W e`` of shape ``(E, D)`` to new edge features ``(E, D)``; `pairs` where ends are alike."""
        z = self.invariants(state, at)
        of_target, of_source = self.rho.first(z), self.of_source(z)
        factors = (
            None if pairs is None else self.rho.rest(of_target[pairs.targets] + of_source[pairs.sources])
        )
        parts = chunks(at.num_edges, chunk_rows(z))
        found = z.new_empty(at.num_edges, z.shape[1]) if len(parts) > 1 else None
        for part, own in zip(parts, edges.parts(parts), strict=True):
            if pairs is not None and factors is not None:
                factor = pairs.of_edges.part(part).gather(factors)
            else:
                hidden = at.target.part(part).gather(of_target).add_(at.source.part(part).gather(of_source))
                factor = self.rho.rest(hidden)
            if found is None:
                return multiplied(own) * factor
            torch.mul(multiplied(own), factor, out=found[part])
        assert found is not None
        return found
