"""The formulas of ScaleGMN written down plainly: every map on every row, nothing skipped or moved.

What the fast code of :mod:`scalegmn.nn` is compared with.  Node features are gathered to edges before any
map, hidden and labelled rows go through both maps, and every layer computes all nodes and edges.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from scalegmn.graph import NetworkGraph, Structure
from scalegmn.models import Backbone, ScaleGMN, ScaleGMNEditor
from scalegmn.networks import Role
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.duality import carry, emitted, received
from scalegmn.nn.equivariant import ScaleEquivariant
from scalegmn.nn.invariant import ScaleInvariant
from scalegmn.nn.message_passing import EdgeUpdate, ScaleMessagePassing
from scalegmn.nn.messages import Messages
from scalegmn.nn.roles import NodeUpdate
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.state import State
from scalegmn.nn.taps import tap_blocks
from scalegmn.shapes import NetworkVectors, NodeScalars, TapScalars


def plain_answer(model: ScaleGMN, graph: NetworkGraph) -> NetworkVectors:
    """What a model with scale symmetry and without statistics answers; no dropout."""
    answer: Tensor = model.head(model.readout(*_plain_state(model.backbone, graph)))
    return answer


def plain_updates(model: ScaleGMNEditor, graph: NetworkGraph) -> tuple[TapScalars, NodeScalars]:
    """What an editor writes before any scaling of layers, ``(T,)`` and ``(V,)``; no dropout."""
    state, at = _plain_state(model.backbone, graph)
    taps, biases = model.head(state, at, tap_blocks(Structure.of(graph)))
    return taps, biases


def _plain_state(backbone: Backbone, graph: NetworkGraph) -> tuple[State, Arrangement]:
    at = Arrangement(Structure.of(graph), symmetric=True)
    plain = _Plain(graph, at)
    weight, bias = backbone.scale(graph)
    z = backbone.positional(graph, at)
    own = backbone.of_bias(at.nodes(bias).unsqueeze(1))
    x = torch.where(plain.hidden, own * z, own + z)
    e = at.edges(backbone.project_edges(backbone.of_taps(weight, tap_blocks(Structure.of(graph)))))
    encoding = backbone.positional.of_edges(at)
    e = e if encoding is None else e * encoding
    u = None
    if backbone.dual_encoding is not None:
        ends = torch.where(plain.inputs, z * backbone.dual_encoding[0], z * backbone.dual_encoding[1])
        scales = torch.where(plain.scale, 0, x)
        u = torch.where(plain.hidden, scales, ends)
    for layer in backbone.layers:
        old = (x, u, e)
        x, u, e = plain.layer(cast(ScaleMessagePassing, layer), x, u, e, z)
        if backbone.config.skip:
            x, e = x + old[0], e + old[2]
            u = None if u is None or old[1] is None else u + old[1]
    return State(x, u, e, z), at


class _Plain:
    """One graph; rows are arranged nodes and edges, masks have a second axis of length 1."""

    def __init__(self, graph: NetworkGraph, at: Arrangement) -> None:
        role = at.nodes(graph.node_role).unsqueeze(1)
        self.hidden, self.inputs = role == int(Role.HIDDEN), role == int(Role.INPUT)
        codes = at.nodes(graph.node_group)
        self.rows = GroupRows(torch.where(self.hidden.squeeze(1), codes, 0))
        self.scale, self.degree = self.rows.scale * torch.ones_like(self.hidden), at.degree
        self.source, self.target = at.source.index, at.target.index

    def layer(
        self, layer: ScaleMessagePassing, x: Tensor, u: Tensor | None, e: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """New primal, dual and edge features."""
        maps = list(layer.edge_maps(e).split(x.shape[1], dim=1))
        ends = self.source, self.target
        message = self.messages(layer.forward_messages, emitted(x, self.degree), maps.pop(0), z, *ends)
        extras, inputs, dual = [z] if layer.style.positional_in_updates else [], [x, message], None
        if layer.backward_messages is not None and layer.dual_update is not None and u is not None:
            ends = self.target, self.source
            returned = self.messages(layer.backward_messages, u, maps.pop(0), z, *ends)
            returned = received(returned, x, self.degree)
            extras.append(x * u)
            inputs.append(carry(returned, x, self.rows))
            crossed = torch.cat([u, returned, carry(message, u, self.rows)], dim=1)
            dual = self.update(layer.dual_update, crossed, extras)
        primal = self.update(layer.primal_update, torch.cat(inputs, dim=1), extras)
        if layer.edge_update is None:
            return primal, dual, e
        return primal, dual, maps.pop(0) * self.factors(layer.edge_update, x, u)

    def messages(
        self, messages: Messages, x: Tensor, e: Tensor, z: Tensor, sender: Tensor, receiver: Tensor
    ) -> Tensor:
        """Sums of messages; the sender's map runs on edges."""
        product = messages.sender(x[sender]) * e
        extras = z[receiver] if messages.positional else None
        found = torch.where(
            self.hidden[receiver],
            self.equivariant(messages.hidden, product, self.rows.take(receiver), extras),
            messages.labelled(product),
        )
        return torch.zeros_like(x).index_add(0, receiver, found)

    def update(self, update: NodeUpdate, x: Tensor, extras: list[Tensor]) -> Tensor:
        """New node features."""
        joined = torch.cat(extras, dim=1) if extras else None
        ends = torch.where(self.inputs, update.labelled.of_inputs(x), update.labelled.of_outputs(x))
        return torch.where(self.hidden, self.equivariant(update.hidden, x, self.rows, joined), ends)

    def factors(self, update: EdgeUpdate, x: Tensor, u: Tensor | None) -> Tensor:
        """``rho(z_i, z_j)``: what edges are multiplied by; the invariants are computed for both ends."""
        parts = []
        for ends, first in ((self.target, update.rho.first), (self.source, update.of_source)):
            z = self.invariants(update, x[ends], None if u is None else u[ends], ends)
            parts.append(first(z))
        factors: Tensor = update.rho.rest(parts[0] + parts[1])
        return factors

    def invariants(self, update: EdgeUpdate, x: Tensor, u: Tensor | None, ends: Tensor) -> Tensor:
        """What edges know about their end."""
        maps, rows = update.invariants, self.rows.take(ends)
        both = x if u is None else torch.cat([x, u], dim=1)
        labelled = torch.where(
            self.inputs[ends], maps.labelled.of_inputs(both), maps.labelled.of_outputs(both)
        )
        own = self.invariant(maps.primal, x, rows, None if u is None else x * u)
        if maps.dual is not None and u is not None:
            own = own + self.invariant(maps.dual, u, rows, None)
        return torch.where(self.hidden[ends], own, labelled)

    def equivariant(self, f: ScaleEquivariant, x: Tensor, rows: GroupRows, z: Tensor | None) -> Tensor:
        """``(W x) * ScaleInv(x, z)``."""
        product: Tensor = f.linear(x) * self.invariant(f.invariant, x, rows, z)
        return product

    def invariant(self, f: ScaleInvariant, x: Tensor, rows: GroupRows, z: Tensor | None) -> Tensor:
        """``rho(x~)``, ``rho(|x~|)``, or ``rho(x~) + rho(-x~)`` with the last bias once."""
        size = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        x = torch.where(torch.as_tensor(rows.scale), x / torch.where(size > 0, size, 1), x)
        sign = torch.as_tensor(rows.sign)
        shift = 0 if z is None or f.extras is None else f.extras(z)

        def rho(argument: Tensor) -> Tensor:
            return f.rho.rest(f.rho.first(argument) + shift)

        if not f.symmetrise:
            return torch.where(sign, rho(x.abs()), rho(x))
        return torch.where(sign, rho(x) + rho(-x) - f.rho.last.bias, rho(x))
