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

from scalegmn.graph import Structure
from scalegmn.nn.chunks import chunks
from scalegmn.nn.kinds import Kinds
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.segments import Incidence
from scalegmn.symmetry import SCALE_BIT


def edge_limit(fan_in: Tensor) -> int:
    """The largest number of edges that end in one neuron."""
    return int(fan_in.max()) if fan_in.numel() else 0


@final
@dataclass(frozen=True, eq=False)
class Lane:
    """Edges, one after the other, whose messages reach nodes of one role.

    Attributes:
        groups: of the hidden node that is reached along each edge; None where labelled ones are reached.
        nodes: the nodes that are reached, and perhaps some between them.
        edges: the edges.
        senders: the node that sends along each edge, of all nodes.
        receivers: the node that is reached, counted from the first of `nodes`.
        kinds: the kind of the sender along each edge.
    """

    groups: GroupRows | None
    nodes: slice
    edges: slice
    senders: Incidence
    receivers: Incidence
    kinds: Tensor

    @cached_property
    def sender_kinds(self) -> tuple[Tensor, Tensor]:
        """The kinds that send, and for each edge the place of its sender's kind among them."""
        kinds, places = self.kinds.unique(return_inverse=True)
        return kinds, places


@final
class Arrangement:
    """Nodes sorted by role (input, hidden, output) and layer; edges by the roles of their ends.

    Args:
        structure: of one network or a batch.
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
        structure: Structure,
        *,
        symmetric: bool,
        nodes: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> None:
        self.structure, self.symmetric = structure, symmetric
        self.num_graphs = structure.num_graphs
        self.node_order = _node_order(structure) if nodes is None else nodes
        role = structure.node_role[self.node_order]
        counts = torch.bincount(role, minlength=3).tolist()
        self.inputs = slice(0, counts[0])
        self.hidden = slice(counts[0], counts[0] + counts[1])
        self.outputs = slice(counts[0] + counts[1], sum(counts))
        self.num_nodes = sum(counts)
        place = structure.node_role.new_zeros(structure.node_role.numel())
        place[self.node_order] = torch.arange(self.num_nodes, device=place.device)
        self.edge_order = _edge_order(structure, place) if edges is None else edges
        ends = structure.edge_index[:, self.edge_order]
        blocks = torch.bincount(_blocks(structure.node_role[ends]), minlength=4).tolist()
        self.num_edges = sum(blocks)
        self.to_hidden = slice(0, blocks[0] + blocks[1])
        self.to_output = slice(self.to_hidden.stop, self.num_edges)
        self.from_hidden = slice(blocks[0], blocks[0] + blocks[1] + blocks[2])
        self.from_input = (slice(0, blocks[0]), slice(self.from_hidden.stop, self.num_edges))
        source, target = place[ends]
        self.source = Incidence(source, self.num_nodes, other=target)
        self.target = Incidence(target, self.num_nodes, other=source)
        codes = structure.node_group[self.node_order][self.hidden]
        self.hidden_rows = GroupRows(codes if symmetric else torch.zeros_like(codes))
        self._lanes: dict[tuple[bool, int | None], list[Lane]] = {}

    def part(self, *, nodes: Tensor, edges: Tensor) -> Arrangement:
        """The arrangement of the nodes and edges with these arranged numbers, in the same order."""
        if nodes.numel() == self.num_nodes and edges.numel() == self.num_edges:
            return self
        return Arrangement(
            self.structure,
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

    def lanes(self, *, backward: bool, most: int | None = None) -> list[Lane]:
        """All edges in order, by the role of the node that they reach: their target, backwards their source.

        With `most`, lanes of at most so many edges.
        """
        if (backward, most) not in self._lanes:
            # What ends in hidden nodes stands together, and so does what starts in them.
            blocks = (
                [(self.from_input[0], False), (self.from_hidden, True), (self.from_input[1], False)]
                if backward
                else [(self.to_hidden, True), (self.to_output, False)]
            )
            self._lanes[backward, most] = [
                self._lane(
                    slice(block.start + part.start, block.start + part.stop), hidden=hidden, backward=backward
                )
                for block, hidden in blocks
                for part in chunks(block.stop - block.start, most)
            ]
        return self._lanes[backward, most]

    def _lane(self, edges: slice, *, hidden: bool, backward: bool) -> Lane:
        senders, receivers = (self.target, self.source) if backward else (self.source, self.target)
        index = receivers.index[edges]
        nodes = slice(int(index.min()), int(index.max()) + 1)
        return Lane(
            self.hidden_rows.take(index - self.hidden.start) if hidden else None,
            nodes,
            edges,
            senders.part(edges),
            Incidence(index - nodes.start, nodes.stop - nodes.start, other=senders.index[edges]),
            self.kinds.of_rows.index_select(0, senders.index[edges]),
        )

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
    def degree(self) -> Tensor | None:
        """Degree of every arranged node's activation minus 1, ``(V, 1)``; None where it is 0 throughout."""
        excess = self.nodes(self.structure.node_degree).unsqueeze(1) - 1
        return excess if bool((excess != 0).any()) else None

    @cached_property
    def kinds(self) -> Kinds:
        """Nodes that are told the same about their place and have one group.

        Inputs or outputs by position, hidden ones by layer and activation.
        """
        structure = self.structure
        layer, position = self.nodes(structure.node_layer), self.nodes(structure.node_position)
        codes = self.nodes(structure.node_role)
        activation, group = self.nodes(structure.node_activation), self.nodes(structure.node_group)
        for field in (activation, group, torch.where(self.hidden_mask, layer, position)):
            codes = codes * (int(field.max()) + 1 if field.numel() else 1) + field
        return Kinds.of(codes)

    @cached_property
    def hidden_mask(self) -> Tensor:
        """Which arranged nodes are hidden neurons, ``(V,)``."""
        numbers = torch.arange(self.num_nodes, device=self.node_order.device)
        return (numbers >= self.hidden.start) & (numbers < self.hidden.stop)

    @cached_property
    def scaled(self) -> Tensor:
        """Which arranged nodes may be scaled by positive numbers, ``(V,)``."""
        scaled = torch.zeros(self.num_nodes, dtype=torch.bool, device=self.node_order.device)
        scaled[self.hidden] = (self.hidden_rows.codes & SCALE_BIT) != 0
        return scaled

    @cached_property
    def network(self) -> Tensor:
        """The network of the batch that every arranged node belongs to, ``(V,)``."""
        return self.nodes(self.structure.node_network)


def _node_order(structure: Structure) -> Tensor:
    """By role, then by layer, so that what late layers of a metanetwork need is mostly a slice."""
    layers = int(structure.node_layer.max()) + 1 if structure.node_layer.numel() else 1
    return torch.argsort(structure.node_role * layers + structure.node_layer, stable=True)


def _blocks(role: Tensor) -> Tensor:
    """The block of edges whose ends have the roles ``(2, E)``.

    Inputs -> hidden, hidden -> hidden, hidden -> outputs, inputs -> outputs: what ends in hidden
    neurons is one slice, and so is what starts in them.
    """
    ends = torch.tensor([[3, 0, 3], [3, 1, 2], [3, 3, 3]], device=role.device)
    return ends[role[0], role[1]]


def _edge_order(structure: Structure, place: Tensor) -> Tensor:
    """Targets with equally many edges stand together, so that sums over edges are plain sums."""
    target = place[structure.edge_index[1]]
    fan_in = torch.bincount(target, minlength=place.numel())[target]
    block = _blocks(structure.node_role[structure.edge_index])
    key = (block * (edge_limit(fan_in) + 1) + fan_in) * place.numel() + target
    return torch.argsort(key, stable=True)
