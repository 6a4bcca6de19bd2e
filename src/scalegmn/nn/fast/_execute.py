"""Layers run by a plan: the modules of :mod:`scalegmn.nn`, on the rows that are read, in few operations.

Every function takes a module and computes what the forward of that module computes, to rounding.  Features of
neurons are mapped before they are gathered to edges, edges that nobody reads are left out, and what is
low-rank before the first layer is multiplied as late as possible.
"""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch.nn.functional import linear

from scalegmn.errors import ScaleGMNError
from scalegmn.nn import (
    EdgeMLP,
    EdgeUpdate,
    Message,
    MessagePassingLayer,
    Neurons,
    NodeInvariants,
    NodeUpdate,
    PermutationMessagePassing,
    ScaleMessagePassing,
)
from scalegmn.nn.fast._alike import Pairs
from scalegmn.nn.fast._arrangement import Arrangement, Lane
from scalegmn.nn.fast._chunks import chunk_rows, chunks
from scalegmn.nn.fast._dropout import dropout
from scalegmn.nn.fast._edge_maps import EdgeMap, MappedEdges
from scalegmn.nn.fast._factored import Factored, Features, materialize
from scalegmn.nn.fast._invariants import fast_carry, io_map_sums, scale_equivariant, scale_invariant
from scalegmn.nn.fast._segments import Incidence
from scalegmn.nn.fast._senders import FactoredNodes
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Part, Step
from scalegmn.shapes import EdgeFeatures, MappedNodes, NodeFeatures, SomeRows


@singledispatch
def execute_layer(layer: MessagePassingLayer, state: FastState, step: Step) -> FastState:
    """What `layer` computes of the state, as far as the step says that it is read.

    Raises:
        ScaleGMNError: there is no fast form of layers of this class.
    """
    raise ScaleGMNError(
        f"no fast form of {type(layer).__name__} is registered; expected one by "
        "scalegmn.nn.fast.execute_layer.register, or a Backbone with fast=False"
    )


@execute_layer.register(ScaleMessagePassing)
def execute_scale_layer(layer: ScaleMessagePassing, state: FastState, step: Step) -> FastState:
    """A :class:`~scalegmn.nn.ScaleMessagePassing`; the names are those of its equations."""
    at, written, start = step.at, step.written, state.start
    x, u, z, old = state.primal, state.dual, state.encoding, step.written.state(state)
    forward, backward = layer.forward_messages, layer.backward_messages
    assert isinstance(forward, Message), "a backbone calls layers whose messages have no fast form"
    mapped = MappedEdges.from_maps(layer.edge_maps, state.edges, step)
    m = message_sums(
        forward,
        layer.send(x, z, state.phase, at.neurons),
        mapped.forward,
        z,
        step.forward.at,
        start and start.primal,
        backward=False,
    )
    if layer.products is not None:
        m = m + layer.products.primal(x, at.products, at.neurons)
    parts, dual = [x, m], None
    extras = [old.encoding] if layer.style.positional_in_updates else []
    if isinstance(backward, Message) and u is not None and step.backward is not None:
        assert mapped.backward is not None and old.dual is not None
        r = message_sums(
            backward,
            u,
            mapped.backward,
            z,
            step.backward.at,
            start and start.dual,
            backward=True,
        )
        r = layer.accept(r, x, state.phase, at.neurons)
        if layer.products is not None:
            r = r + layer.products.dual(u, x, at.products, at.neurons)
        extras.append(old.primal * old.dual)
        parts.append(_on_hidden(r, x, at.neurons))
        if step.duals and layer.dual_update is not None:
            crossed = torch.cat([u, r, _on_hidden(m, u, at.neurons)], dim=1)
            dual = node_update(layer.dual_update, written.nodes.take(crossed), written.at.neurons, extras)
    joined = written.nodes.take(torch.cat(parts, dim=1))
    primal = node_update(layer.primal_update, joined, written.at.neurons, extras)
    edges = materialize(old.edges)
    if layer.edge_update is not None and mapped.update is not None:
        # Dropout in MLPs is drawn for each edge.
        alike = not (layer.training and layer.style.mlp.dropout > 0)
        pairs = _pairs(state, written) if alike else None
        edges = edge_update(layer.edge_update, mapped.update, old.primal, old.dual, written.at, pairs)
    return FastState(primal, dual, edges, old.encoding, old.phase)


def message_sums(
    message: Message,
    x: NodeFeatures,
    edges: EdgeMap,
    encoding: NodeFeatures,
    at: Arrangement,
    start: FactoredNodes | None = None,
    *,
    backward: bool,
) -> NodeFeatures:
    """Sums of the messages of a :class:`~scalegmn.nn.Message`, ``(V, D)``.

    Args:
        message: the module.
        x: what nodes send, ``(V, D)``.
        edges: ``W_2 e``, of shape ``(E, D)``.
        encoding: of the nodes, ``(V, D)``.
        at: the nodes and edges.
        start: x in low-rank form, where it has one.
        backward: messages run from the targets of edges to their sources.
    """
    sender = message.rescale.sender
    sent = sender(x)
    first = None if start is None else start.apply_linear(sender.weight)
    sums = torch.zeros_like(sent)
    lanes = at.lanes(backward=backward, most=chunk_rows(x))
    for lane, own in zip(lanes, edges.parts([lane.edges for lane in lanes]), strict=True):
        product: Features | None = None
        if first is not None and isinstance(own, Factored):
            product = first.product(lane, own)
        if product is None:
            product = lane.senders.gather(sent) * materialize(own)
        sums[lane.nodes] += _lane_sums(message, product, encoding, lane)
    return sums


def _lane_sums(message: Message, product: Features, encoding: NodeFeatures, lane: Lane) -> SomeRows:
    """Messages of one lane, summed at the nodes that it reaches."""
    if lane.groups is None:
        return io_map_sums(message.io, product, lane.receivers)
    extras = encoding[lane.nodes] if message.positional else None
    return lane.receivers.sum(
        scale_equivariant(message.hidden, product, lane.groups, extras, end=lane.receivers)
    )


def _on_hidden(m: Tensor, like: Tensor, neurons: Neurons) -> Tensor:
    """Carry m to the law of `like` on hidden neurons; the two laws agree elsewhere."""
    if neurons.groups.scale is False:
        return m
    inputs, hidden, outputs = neurons.split(m)
    return torch.cat([inputs, fast_carry(hidden, neurons.split(like)[1], neurons.groups), outputs])


def node_update(update: NodeUpdate, x: NodeFeatures, neurons: Neurons, extras: list[Tensor]) -> MappedNodes:
    """A :class:`~scalegmn.nn.NodeUpdate` of features ``(V, inputs)`` and extras, each ``(V, D)``."""
    z = neurons.split(torch.cat(extras, dim=1))[1] if extras else None
    inputs, hidden, outputs = neurons.split(x)
    return torch.cat(
        [
            update.io.of_inputs(inputs),
            scale_equivariant(update.hidden, hidden, neurons.groups, z),
            update.io.of_outputs(outputs),
        ]
    )


def edge_update(
    update: EdgeUpdate,
    edges: EdgeMap,
    x: NodeFeatures,
    u: NodeFeatures | None,
    at: Arrangement,
    pairs: Pairs | None = None,
) -> EdgeFeatures:
    """An :class:`~scalegmn.nn.EdgeUpdate`; the first map of rho runs on nodes, and only its sum on edges.

    Args:
        update: the module.
        edges: ``W_3 e``, of shape ``(E, D)``.
        x: primal features, ``(V, D)``.
        u: dual features, ``(V, D)``.
        at: the nodes and edges.
        pairs: edges whose ends have equal invariants, where they are known.
    """
    zeta = node_invariants(update.invariants, x, u, at.neurons)
    of_target, of_source = update.rho.first(zeta), update.of_source(zeta)
    factors = None if pairs is None else update.rho.rest(of_target[pairs.targets] + of_source[pairs.sources])
    parts = chunks(at.num_edges, chunk_rows(zeta))
    found = zeta.new_empty(at.num_edges, zeta.shape[1]) if len(parts) > 1 else None
    for part, own in zip(parts, edges.parts(parts), strict=True):
        if pairs is not None and factors is not None:
            factor = pairs.of_edges.part(part).gather(factors)
        else:
            hidden = at.target.part(part).gather(of_target).add_(at.source.part(part).gather(of_source))
            factor = update.rho.rest(hidden)
        if found is None:
            return materialize(own) * factor
        torch.mul(materialize(own), factor, out=found[part])
    assert found is not None
    return found


def node_invariants(
    invariants: NodeInvariants, x: NodeFeatures, u: NodeFeatures | None, neurons: Neurons
) -> NodeFeatures:
    """The :class:`~scalegmn.nn.NodeInvariants` of features ``(V, D)``, ``(V, D)``."""
    inputs, _, outputs = neurons.split(x if u is None else torch.cat([x, u], dim=1))
    hidden, groups = neurons.split(x)[1], neurons.groups
    if u is None or invariants.dual is None:
        own = scale_invariant(invariants.primal, hidden, groups)
    else:
        dual = neurons.split(u)[1]
        own = scale_invariant(invariants.primal, hidden, groups, hidden * dual)
        own = own + scale_invariant(invariants.dual, dual, groups)
    return torch.cat([invariants.io.of_inputs(inputs), own, invariants.io.of_outputs(outputs)])


def _pairs(state: FastState, written: Part) -> Pairs | None:
    """Pairs of the edges that are written, where it is known which nodes are alike."""
    if state.start is None or state.start.alike is None:
        return None
    return Pairs.from_codes(written.nodes.take(state.start.alike), written.at)


def finish_layer(new: FastState, old: FastState, step: Step, *, dropout_rate: float, skip: bool) -> FastState:
    """Dropout and residual connection, which keep every law."""
    before = step.written.state(old) if skip else old

    def join(after: Tensor, before: Tensor) -> Tensor:
        after = dropout(after, dropout_rate) if dropout_rate > 0 else after
        # In place: what made `after` needs its arguments for the gradient, not its result.
        return after.add_(before) if skip else after

    dual = None if new.dual is None or before.dual is None else join(new.dual, before.dual)
    edges = materialize(new.edges)
    if step.written.at.num_edges:
        edges = join(edges, materialize(before.edges))
    return FastState(join(new.primal, before.primal), dual, edges, new.encoding, new.phase)


@execute_layer.register(PermutationMessagePassing)
def execute_permutation_layer(layer: PermutationMessagePassing, state: FastState, step: Step) -> FastState:
    """A :class:`~scalegmn.nn.PermutationMessagePassing`."""
    written, edges, x = step.written, materialize(state.edges), state.primal
    weights, parts = layer.edge_maps.by_name(), [x]
    ways = [(step.forward, weights.forward, False), (step.backward, weights.backward, True)]
    for message, (part, weight, backward) in zip(layer.messages, ways, strict=False):
        assert part is not None and isinstance(message, EdgeMLP)
        source, target = part.at.source, part.at.target
        sender, receiver = (target, source) if backward else (source, target)
        mapped = linear(part.edges.take(edges), weight)
        parts.append(receiver.sum(edge_mlp(message, mapped, x, [sender])))
    layer.add_products(parts, x, step.at.products)
    inputs, hidden, outputs = written.at.neurons.split(written.nodes.take(torch.cat(parts, dim=1)))
    primal = torch.cat([layer.of_inputs(inputs), layer.of_hidden(hidden), layer.of_outputs(outputs)])
    old = written.state(FastState(x, None, edges, state.encoding))
    new = materialize(old.edges)
    if layer.edge_update is not None and written.at.num_edges:
        ends = [written.at.target, written.at.source]
        new = edge_mlp(layer.edge_update, linear(new, weights.update), old.primal, ends)
    return FastState(primal, None, new, old.encoding)


def edge_mlp(mlp: EdgeMLP, mapped_edges: Tensor, x: Tensor, ends: list[Incidence]) -> Tensor:
    """An :class:`EdgeMLP` of node features ``(V, D)``, mapped on nodes before they are gathered."""
    hidden = mapped_edges
    for first, end in zip(mlp.first_maps, ends, strict=True):
        hidden = hidden + end.gather(first(x))
    return mlp.mlp.rest(hidden)
