"""The fast form of the layer that reads networks of any width: no function is taken of a single message."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.nn import AnyWidthMessagePassing, GatedMap, Neurons, emit, receive, without_noise
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._chunks import chunk_rows
from scalegmn.nn.fast._edge_maps import EdgeMap, MappedEdges
from scalegmn.nn.fast._execute import edge_update, execute_layer
from scalegmn.nn.fast._factored import materialize
from scalegmn.nn.fast._invariants import scale_equivariant, scale_invariant
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Step
from scalegmn.shapes import NodeFeatures, RowScalars


@execute_layer.register(AnyWidthMessagePassing)
def execute_any_width_layer(layer: AnyWidthMessagePassing, state: FastState, step: Step) -> FastState:
    """An :class:`~scalegmn.nn.AnyWidthMessagePassing`; the names are those of its equations."""
    at, written, x, u = step.at, step.written, state.primal, state.dual
    excess, nodes, last = at.neurons.excess, written.nodes, written.at.neurons
    mapped = MappedEdges.from_maps(layer.edge_maps, state.edges, step)
    z = layer.told(state.encoding, x, u, at.neurons)
    inputs, hidden, outputs = at.neurons.split(x)
    sent = scale_equivariant(layer.send, hidden, at.neurons.groups, z[at.neurons.hidden])
    s = torch.cat([layer.send_ends(inputs), sent, layer.send_ends(outputs)])
    m = without_noise(*linear_sums(emit(s, excess), mapped.forward, step.forward.at, backward=False))
    if layer.products is not None:
        m = m + layer.products.primal(s, at.products)
    own, z = nodes.take(torch.cat([x, m], dim=1)), nodes.take(z)
    old, ends, dual = written.state(state), own, None
    if layer.dual_send is not None and layer.dual_update is not None and u is not None:
        assert step.backward is not None and mapped.backward is not None
        r, _ = linear_sums(layer.dual_send(u), mapped.backward, step.backward.at, backward=True)
        r = receive(r, x, excess)
        if layer.products is not None:
            r = r + layer.products.dual(u, s, at.products)
        back = nodes.take(torch.cat([u, r], dim=1))
        ends = torch.cat([own, back], dim=1)
        if step.duals:
            dual = gated_map(layer.dual_update, back, own, z, ends, last)
    primal = gated_map(layer.primal_update, own, own, z, ends, last)
    edges = materialize(old.edges)
    if layer.edge_update is not None and mapped.update is not None:
        edges = edge_update(layer.edge_update, mapped.update, old.primal, None, written.at)
    return FastState(primal, dual, edges, old.encoding)


def linear_sums(
    sent: NodeFeatures, edges: EdgeMap, at: Arrangement, *, backward: bool
) -> tuple[NodeFeatures, RowScalars]:
    """Sums of products of what nodes send and of mapped edge features, ``(V, D)``.

    Returns:
        The sums, and forwards those of the norms of their terms, ``(V, 1)``, without gradient.
    """
    sums, sizes = torch.zeros_like(sent), sent.new_zeros(len(sent), 1)
    lanes = at.lanes(backward=backward, most=chunk_rows(sent))
    for lane, own in zip(lanes, edges.parts([lane.edges for lane in lanes]), strict=True):
        terms = lane.senders.gather(sent) * materialize(own)
        sums[lane.nodes] += lane.receivers.sum(terms)
        if not backward:
            norms = torch.linalg.vector_norm(terms.detach(), dim=1, keepdim=True)
            sizes[lane.nodes] += lane.receivers.raw_sum(norms)
    return sums, sizes


def gated_map(
    gated: GatedMap, a: Tensor, b: Tensor, z: NodeFeatures, ends: Tensor, neurons: Neurons
) -> NodeFeatures:
    """A :class:`~scalegmn.nn.GatedMap`."""
    hidden = neurons.hidden
    gates = scale_invariant(gated.invariant, b[hidden], neurons.groups, z[hidden])
    return torch.cat(
        [
            gated.io.of_inputs(ends[neurons.inputs]),
            gated.linear(a[hidden]) * gates,
            gated.io.of_outputs(ends[neurons.outputs]),
        ]
    )
