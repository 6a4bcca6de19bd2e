"""The order in which a metanetwork keeps the nodes and edges of a batch.

Input, hidden and output neurons have maps of their own.  Sorting them once, so that each kind is a
slice, lets every map run on what it is for and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.segments import Incidence


def edge_limit(fan_in: Tensor) -> int:
    """The largest number of edges that end in one neuron."""
    return int(fan_in.max()) if fan_in.numel() else 0


@final
@dataclass(frozen=True, eq=False)
class Lane:
    """Edges whose messages reach nodes of one role.

    Attributes:
        hidden: whether the nodes are hidden ones.
        nodes: the nodes that are reached.
        edges: the edges.
        senders: the node that sends along each edge, of all nodes.
        receivers: the node that is reached, counted from the first of `nodes`.
    """

    hidden: bool
    nodes: slice
    edges: slice
    senders: Incidence
    receivers: Incidence

    def of(self, e: Tensor) -> Tensor:
        """The lane's rows of ``(E, D)``."""
        return e if self.edges == slice(0, e.shape[0]) else e[self.edges]


@final
class Arrangement:
    """Nodes sorted by role (input, hidden, output) and layer; edges by the roles of their ends.

    Args:
        graph: one network or a batch.
        symmetric: whether the groups of the neurons count; False makes all of them trivial.
        nodes, edges: numbers of some nodes and edges in arranged order, for a part of the graph; the
            nodes hold both ends of every edge.  None for all of them.

    Attributes:
        node_order, edge_order: the number in the graph of every arranged node and edge.
        inputs, hidden, outputs: slices of the arranged nodes.
        to_hidden, to_output: slices of the arranged edges, by the role of their target.
        source, target: ends of the arranged edges, as arranged nodes.
    """

    def __init__(
        self,
        graph: NetworkGraph,
        *,
        symmetric: bool,
        nodes: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> None:
        self.graph, self.symmetric = graph, symmetric
        self.num_graphs = graph.num_graphs
        self.node_order = _node_order(graph) if nodes is None else nodes
        role = graph.node_role[self.node_order]
        counts = torch.bincount(role, minlength=3).tolist()
        self.inputs = slice(0, counts[0])
        self.hidden = slice(counts[0], counts[0] + counts[1])
        self.outputs = slice(counts[0] + counts[1], sum(counts))
        self.num_nodes = sum(counts)
        place = graph.node_role.new_zeros(graph.node_role.numel())
        place[self.node_order] = torch.arange(self.num_nodes, device=place.device)
        self.edge_order = _edge_order(graph, place) if edges is None else edges
        ends = graph.edge_index[:, self.edge_order]
        blocks = torch.bincount(_blocks(graph.node_role[ends]), minlength=4).tolist()
        self.num_edges = sum(blocks)
        self.to_hidden = slice(0, blocks[0] + blocks[1])
        self.to_output = slice(self.to_hidden.stop, self.num_edges)
        self.from_hidden = slice(blocks[0], blocks[0] + blocks[1] + blocks[2])
        self.from_input = (slice(0, blocks[0]), slice(self.from_hidden.stop, self.num_edges))
        self.source = Incidence(place[ends[0]], self.num_nodes)
        self.target = Incidence(place[ends[1]], self.num_nodes)
        codes = graph.node_group[self.node_order][self.hidden]
        self.hidden_rows = GroupRows(codes if symmetric else torch.zeros_like(codes))

    def part(self, *, nodes: Tensor, edges: Tensor) -> Arrangement:
        """The arrangement of the nodes and edges with these arranged numbers, in the same order."""
        if nodes.numel() == self.num_nodes and edges.numel() == self.num_edges:
            return self
        return Arrangement(
            self.graph,
            symmetric=self.symmetric,
            nodes=self.node_order[nodes],
            edges=self.edge_order[edges],
        )

    def by_role(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of all nodes as those of input, hidden and output neurons."""
        counts = [
            self.inputs.stop,
            self.hidden.stop - self.hidden.start,
            self.outputs.stop - self.outputs.start,
        ]
        inputs, hidden, outputs = x.split(counts)
        return inputs, hidden, outputs

    def lanes(self, *, backward: bool) -> list[Lane]:
        """The edges by the role of the node that they reach: their target, or backwards their source."""
        return self._backward_lanes if backward else self._forward_lanes

    @cached_property
    def _forward_lanes(self) -> list[Lane]:
        return self._lanes(
            self.source,
            self.target,
            [(True, self.hidden, self.to_hidden), (False, self.outputs, self.to_output)],
        )

    @cached_property
    def _backward_lanes(self) -> list[Lane]:
        inputs = [(False, self.inputs, edges) for edges in self.from_input]
        return self._lanes(self.target, self.source, [(True, self.hidden, self.from_hidden), *inputs])

    def _lanes(
        self, senders: Incidence, receivers: Incidence, parts: list[tuple[bool, slice, slice]]
    ) -> list[Lane]:
        return [
            Lane(
                hidden,
                nodes,
                edges,
                senders.part(edges),
                Incidence(receivers.index[edges] - nodes.start, nodes.stop - nodes.start),
            )
            for hidden, nodes, edges in parts
            if edges.stop > edges.start
        ]

    def filled(self, parts: dict[int, Tensor], *, like: Tensor) -> Tensor:
        """Features of all nodes from those of some roles, by their first node; zeros elsewhere."""
        roles = [rows for rows in (self.inputs, self.hidden, self.outputs) if rows.stop > rows.start]
        zeros = [like.new_zeros(rows.stop - rows.start, like.shape[1]) for rows in roles]
        return torch.cat([parts.get(rows.start, zero) for rows, zero in zip(roles, zeros, strict=True)])

    def nodes(self, field: Tensor) -> Tensor:
        """A field of all nodes in arranged order."""
        return field.index_select(0, self.node_order)

    def edges(self, field: Tensor) -> Tensor:
        """A field of all edges in arranged order."""
        return field.index_select(0, self.edge_order)

    def restore_nodes(self, field: Tensor) -> Tensor:
        """A field of arranged nodes in the order of the graph."""
        return torch.empty_like(field).index_copy(0, self.node_order, field)

    def restore_edges(self, field: Tensor) -> Tensor:
        """A field of arranged edges in the order of the graph."""
        return torch.empty_like(field).index_copy(0, self.edge_order, field)

    @cached_property
    def rows_to_hidden(self) -> GroupRows:
        """Groups of the targets of the edges that end in hidden neurons."""
        return self.hidden_rows.take(self.target.index[self.to_hidden] - self.hidden.start)

    @cached_property
    def rows_from_hidden(self) -> GroupRows:
        """Groups of the sources of the edges that start in hidden neurons."""
        return self.hidden_rows.take(self.source.index[self.from_hidden] - self.hidden.start)

    @cached_property
    def degree(self) -> Tensor | None:
        """Degree of every arranged node's activation minus 1, ``(V, 1)``; None where it is 0 throughout."""
        excess = self.nodes(self.graph.node_degree).unsqueeze(1) - 1
        return excess if bool((excess != 0).any()) else None

    @cached_property
    def network(self) -> Tensor:
        """The network of the batch that every arranged node belongs to, ``(V,)``."""
        return self.nodes(self.graph.node_network)


def _node_order(graph: NetworkGraph) -> Tensor:
    """By role, then by layer, so that what late layers of a metanetwork need is mostly a slice."""
    layers = int(graph.node_layer.max()) + 1 if graph.node_layer.numel() else 1
    return torch.argsort(graph.node_role * layers + graph.node_layer, stable=True)


def _blocks(role: Tensor) -> Tensor:
    """The block of edges whose ends have the roles ``(2, E)``.

    Inputs -> hidden, hidden -> hidden, hidden -> outputs, inputs -> outputs: what ends in hidden
    neurons is one slice, and so is what starts in them.
    """
    ends = torch.tensor([[3, 0, 3], [3, 1, 2], [3, 3, 3]], device=role.device)
    return ends[role[0], role[1]]


def _edge_order(graph: NetworkGraph, place: Tensor) -> Tensor:
    """Targets with equally many edges stand together, so that sums over edges are plain sums."""
    target = place[graph.edge_index[1]]
    fan_in = torch.bincount(target, minlength=place.numel())[target]
    block = _blocks(graph.node_role[graph.edge_index])
    key = (block * (edge_limit(fan_in) + 1) + fan_in) * place.numel() + target
    return torch.argsort(key, stable=True)
