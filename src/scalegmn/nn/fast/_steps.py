"""Which nodes and edges every layer has to compute, by what is read in the end and what is 0 at first.

A readout of output neurons needs the edges that end in them from the last layer, from the layer before
the edges two steps away, and so on; the last layers of a metanetwork are then a small part of the
straightforward ones.  Dual features of neurons that scale start at 0 and stay there until a message from
the output neurons has come so far back; what they send to hidden neurons until then is 0.  No value that
is read changes.  The ideas are those of dead code and of constants in compilers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scalegmn.nn import ReadoutNeeds
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._factored import take
from scalegmn.nn.fast._segments import RowSubset
from scalegmn.nn.fast._state import FastState


@dataclass(frozen=True, eq=False)
class Part:
    """A subset of the nodes and edges of an arrangement.

    Attributes:
        at: the arrangement of these alone.
        nodes, edges: which ones of the larger arrangement they are.
    """

    at: Arrangement
    nodes: RowSubset
    edges: RowSubset

    @classmethod
    def from_masks(cls, at: Arrangement, *, nodes: Tensor, edges: Tensor) -> Part:
        """The part where two masks ``(V,)`` and ``(E,)`` of arranged nodes and edges are true."""
        kept_nodes, kept_edges = RowSubset(nodes), RowSubset(edges)
        return cls(at.part(nodes=kept_nodes.rows, edges=kept_edges.rows), kept_nodes, kept_edges)

    def state(self, state: FastState) -> FastState:
        """The state of the part."""
        dual = None if state.dual is None else self.nodes.take(state.dual)
        primal, encoding = self.nodes.take(state.primal), self.nodes.take(state.encoding)
        phase = None if state.phase is None else self.nodes.take(state.phase)
        return FastState(primal, dual, take(state.edges, self.edges), encoding, phase)


@dataclass(frozen=True, eq=False)
class Step:
    """The work of one layer.

    Attributes:
        at: nodes and edges that the layer reads.
        forward: of `at`, all nodes, and the edges along which messages run forwards.
        backward: the same for backward messages, as far as they are not 0; None in models without.
        written: of `at`, the nodes and edges that get new features.
        duals: whether dual features are written.
    """

    at: Arrangement
    forward: Part
    backward: Part | None
    written: Part
    duals: bool = True


def steps_of(
    at: Arrangement, needs: ReadoutNeeds, *, layers: int, bidirectional: bool, whole: bool = False
) -> list[Step]:
    """The steps of `layers` layers, the first one first; its `at` is a part of the one given here.

    Args:
        at: all nodes and edges.
        needs: what is read of the last layer.
        layers: how many there are.
        bidirectional: messages also run backwards.
        whole: every layer reads all neurons.
    """
    nodes = torch.cat(
        [
            torch.full((rows.stop - rows.start,), needed or needs.edges, device=at.neurons.order.device)
            for rows, needed in (
                (at.neurons.inputs, needs.inputs),
                (at.neurons.hidden, needs.hidden),
                (at.neurons.outputs, needs.outputs),
            )
        ]
    )
    edges = torch.full((at.num_edges,), needs.edges, device=at.neurons.order.device)
    if at.products.numel() or whole:
        # Products reach far: what depends on what is not followed through them, all is computed.
        return _whole_steps(at, edges, layers=layers, bidirectional=bidirectional)
    # Which nodes send something backwards, in each layer.
    live = [_live(at, layer) if bidirectional else None for layer in range(layers)]
    masks = [(nodes, edges)]
    for sending in reversed(live):
        nodes, edges = _needed(at, nodes, edges, sending)
        masks.append((nodes, edges))
    masks.reverse()
    steps, now = [], Part.from_masks(at, nodes=masks[0][0], edges=masks[0][1]).at
    seen = masks[0]
    for number, (nodes, edges) in enumerate(masks[1:]):
        duals = needs.duals or number < layers - 1
        sending = live[number]
        sending = None if sending is None else sending[seen[0]]
        step = _step(now, nodes[seen[0]], edges[seen[1]], sending, duals=duals)
        steps.append(step)
        seen, now = (nodes, edges), step.written.at
    return steps


def _whole_steps(at: Arrangement, edges: Tensor, *, layers: int, bidirectional: bool) -> list[Step]:
    """Steps that compute all nodes and edges, the last one only those edges that are read behind it."""
    nodes, sending = _true(at, at.num_nodes), _true(at, at.num_nodes) if bidirectional else None
    between = _step(at, nodes, _true(at, at.num_edges), sending, duals=True)
    return [*[between] * (layers - 1), _step(at, nodes, edges, sending, duals=True)]


def _live(at: Arrangement, layer: int) -> Tensor:
    """Nodes whose dual features may differ from 0 before a layer, numbered from 0."""
    live = ~at.scaled
    for _ in range(layer):
        live = live.index_fill(0, at.source.index[live[at.target.index]], True)
    return live


def _needed(at: Arrangement, nodes: Tensor, edges: Tensor, sending: Tensor | None) -> tuple[Tensor, Tensor]:
    """What a layer reads to write `nodes` and `edges` (masks): edges that bring messages, and their ends."""
    source, target = at.source.index, at.target.index
    edges = edges | nodes[target] | (False if sending is None else _reached(at, nodes, sending))
    nodes = nodes.clone()
    nodes[source[edges]] = True
    nodes[target[edges]] = True
    return nodes, edges


def _reached(at: Arrangement, nodes: Tensor, sending: Tensor) -> Tensor:
    """Edges that bring backward messages to `nodes`; input neurons return a constant to 0."""
    source = at.source.index
    return nodes[source] & (sending[at.target.index] | ~at.neurons.is_hidden.squeeze(1)[source])


def _step(at: Arrangement, nodes: Tensor, edges: Tensor, sending: Tensor | None, *, duals: bool) -> Step:
    everywhere = _true(at, at.num_nodes)
    forward = Part.from_masks(at, nodes=everywhere, edges=nodes[at.target.index])
    backward = None
    if sending is not None:
        backward = Part.from_masks(at, nodes=everywhere, edges=_reached(at, nodes, sending))
    return Step(at, forward, backward, Part.from_masks(at, nodes=nodes, edges=edges), duals)


def _true(at: Arrangement, count: int) -> Tensor:
    return torch.ones(count, dtype=torch.bool, device=at.neurons.order.device)
