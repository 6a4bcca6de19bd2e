"""Which nodes and edges every layer has to compute, found from what is read in the end.

A readout of output neurons needs the edges that end in them from the last layer, from the layer before
the edges two steps away, and so on; the last layers of a metanetwork are then a small part of the
straightforward ones.  No value that is read changes.  The idea is that of dead code in compilers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.factored import taken
from scalegmn.nn.segments import Selection
from scalegmn.nn.state import State


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is read of the state after the last layer.

    Attributes:
        inputs, hidden, outputs: the nodes with these roles.
        edges: all edges, and with them all nodes.
        duals: dual features as well as primal ones.
    """

    inputs: bool = True
    hidden: bool = True
    outputs: bool = True
    edges: bool = False
    duals: bool = True


@dataclass(frozen=True, eq=False)
class Part:
    """Some nodes and edges of an arrangement.

    Attributes:
        at: the arrangement of these alone.
        nodes, edges: their numbers in the larger arrangement.
    """

    at: Arrangement
    nodes: Selection
    edges: Selection

    @staticmethod
    def of(at: Arrangement, *, nodes: Tensor, edges: Tensor) -> Part:
        """The part where two masks ``(V,)`` and ``(E,)`` of arranged nodes and edges are true."""
        kept_nodes, kept_edges = Selection(nodes), Selection(edges)
        return Part(at.part(nodes=kept_nodes.rows, edges=kept_edges.rows), kept_nodes, kept_edges)

    def state(self, state: State) -> State:
        """The state of the part."""
        dual = None if state.dual is None else self.nodes.take(state.dual)
        primal, encoding = self.nodes.take(state.primal), self.nodes.take(state.encoding)
        return State(primal, dual, taken(state.edges, self.edges), encoding)


@dataclass(frozen=True, eq=False)
class Step:
    """The work of one layer.

    Attributes:
        at: nodes and edges that the layer reads.
        forward: of `at`, all nodes, and the edges along which messages run forwards.
        backward: the same for backward messages; None in models without.
        written: of `at`, the nodes and edges that get new features.
        duals: whether dual features are written.
    """

    at: Arrangement
    forward: Part
    backward: Part | None
    written: Part
    duals: bool = True

    @staticmethod
    def whole(at: Arrangement, *, bidirectional: bool, edges: bool = True) -> Step:
        """Everything, or everything but edges."""
        nodes, all_edges = _true(at, at.num_nodes), _true(at, at.num_edges)
        everything = Part.of(at, nodes=nodes, edges=all_edges)
        written = everything if edges else Part.of(at, nodes=nodes, edges=~all_edges)
        return Step(at, everything, everything if bidirectional else None, written)


def steps_of(at: Arrangement, wanted: Wanted, *, layers: int, bidirectional: bool) -> list[Step]:
    """The steps of `layers` layers, the first one first; its `at` is a part of the one given here."""
    nodes = torch.cat(
        [
            torch.full((rows.stop - rows.start,), needed or wanted.edges, device=at.node_order.device)
            for rows, needed in (
                (at.inputs, wanted.inputs),
                (at.hidden, wanted.hidden),
                (at.outputs, wanted.outputs),
            )
        ]
    )
    edges = torch.full((at.num_edges,), wanted.edges, device=at.node_order.device)
    masks = [(nodes, edges)]
    for _ in range(layers):
        nodes, edges = _needed(at, nodes, edges, bidirectional=bidirectional)
        masks.append((nodes, edges))
    masks.reverse()
    steps, now = [], Part.of(at, nodes=masks[0][0], edges=masks[0][1]).at
    seen = masks[0]
    for number, (nodes, edges) in enumerate(masks[1:]):
        duals = wanted.duals or number < layers - 1
        step = _step(now, nodes[seen[0]], edges[seen[1]], bidirectional=bidirectional, duals=duals)
        steps.append(step)
        seen, now = (nodes, edges), step.written.at
    return steps


def _needed(at: Arrangement, nodes: Tensor, edges: Tensor, *, bidirectional: bool) -> tuple[Tensor, Tensor]:
    """What a layer reads to write `nodes` and `edges` (masks): edges that bring messages, and their ends."""
    source, target = at.source.index, at.target.index
    edges = edges | nodes[target] | (nodes[source] if bidirectional else False)
    nodes = nodes.clone()
    nodes[source[edges]] = True
    nodes[target[edges]] = True
    return nodes, edges


def _step(at: Arrangement, nodes: Tensor, edges: Tensor, *, bidirectional: bool, duals: bool) -> Step:
    everywhere = _true(at, at.num_nodes)
    forward = Part.of(at, nodes=everywhere, edges=nodes[at.target.index])
    backward = Part.of(at, nodes=everywhere, edges=nodes[at.source.index]) if bidirectional else None
    return Step(at, forward, backward, Part.of(at, nodes=nodes, edges=edges), duals)


def _true(at: Arrangement, count: int) -> Tensor:
    return torch.ones(count, dtype=torch.bool, device=at.node_order.device)
