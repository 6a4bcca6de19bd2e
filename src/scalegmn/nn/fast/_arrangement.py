"""The order of the nodes and edges of a batch in which sums and maps take the fewest operations.

The edges that end in input, hidden and output neurons have maps of their own.  Sorting them once, so that
each group is a slice, lets every map run on what it is for and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from scalegmn.graph import Structure
from scalegmn.nn import GroupRows, Neurons
from scalegmn.nn.fast._chunks import chunks
from scalegmn.nn.fast._kinds import Kinds
from scalegmn.nn.fast._segments import Incidence


def edge_limit(fan_in: Tensor) -> int:
    """The largest number of edges that end in one neuron."""
    return int(fan_in.max()) if fan_in.numel() else 0


@final
@dataclass(frozen=True, eq=False)
class Lane:
    """Edges, one after the other, whose messages reach nodes of one role.

    Attributes:
        groups: of the hidden node that is reached along each edge; None where inputs or outputs are reached.
        nodes: the nodes that are reached, and perhaps some between them.
        edges: the edges.
        senders: the node that sends along each edge, of all nodes.
        receivers: the node that is reached, counted from the first of `nodes`.
        kinds: the index in :attr:`Arrangement.kinds` of the sender along each edge.
    """

    groups: GroupRows | None
    nodes: slice
    edges: slice
    senders: Incidence
    receivers: Incidence
    kinds: Tensor

    @cached_property
    def sender_kinds(self) -> tuple[Tensor, Tensor]:
        """The kinds that send, and for each edge the position of its sender's kind among them."""
        kinds, places = self.kinds.unique(return_inverse=True)
        return kinds, places


@final
class Arrangement:
    """Neurons sorted by role and layer; edges by the roles of their ends.

    Args:
        structure: of one network or a batch.
        symmetric: whether the groups of the neurons count; False makes all of them trivial.
        nodes, edges: indices of some nodes and edges in the graph, in arranged order, for a part of it; the
            nodes hold both ends of every edge.  None for all of them.

    Attributes:
        neurons: the arranged nodes.
        num_nodes, num_edges: how many there are.
        edge_order: the index in the graph of every arranged edge.
        to_hidden, to_output: slices of the arranged edges, by the role of their target.
        source, target: ends of the arranged edges, as arranged nodes.
        products: two factors and their product each, as arranged nodes; only where all nodes are arranged.
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
        self.neurons = Neurons(
            structure, symmetric=symmetric, order=_node_order(structure) if nodes is None else nodes
        )
        self.num_nodes = self.neurons.count
        row = structure.node_role.new_zeros(structure.node_role.numel())
        row[self.neurons.order] = torch.arange(self.num_nodes, device=row.device)
        self.edge_order = _edge_order(structure, row) if edges is None else edges
        ends = structure.edge_index[:, self.edge_order]
        blocks = torch.bincount(_blocks(structure.node_role[ends]), minlength=4).tolist()
        self.num_edges = sum(blocks)
        self.to_hidden = slice(0, blocks[0] + blocks[1])
        self.to_output = slice(self.to_hidden.stop, self.num_edges)
        self.from_hidden = slice(blocks[0], blocks[0] + blocks[1] + blocks[2])
        self.from_input = (slice(0, blocks[0]), slice(self.from_hidden.stop, self.num_edges))
        source, target = row[ends]
        self.products = row[structure.product_index] if nodes is None else structure.product_index[:, :0]
        self.source = Incidence(source, self.num_nodes, other=target)
        self.target = Incidence(target, self.num_nodes, other=source)
        self._lanes: dict[tuple[bool, int | None], list[Lane]] = {}

    def part(self, *, nodes: Tensor, edges: Tensor) -> Arrangement:
        """The arrangement of the arranged nodes and edges with these indices, in the same order."""
        if nodes.numel() == self.num_nodes and edges.numel() == self.num_edges:
            return self
        return Arrangement(
            self.structure,
            symmetric=self.symmetric,
            nodes=self.neurons.order[nodes],
            edges=self.edge_order[edges],
        )

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
            self.neurons.groups.take_checked(index - self.neurons.hidden.start) if hidden else None,
            nodes,
            edges,
            senders.part(edges),
            Incidence(index - nodes.start, nodes.stop - nodes.start, other=senders.index[edges]),
            self.kinds.of_rows.index_select(0, senders.index[edges]),
        )

    def edges(self, field: Tensor) -> Tensor:
        """A field of all edges in arranged order."""
        return field.index_select(0, self.edge_order)

    def restore_edges(self, field: Tensor) -> Tensor:
        """A field of arranged edges in the order of the graph."""
        return torch.empty_like(field).index_copy(0, self.edge_order, field)

    @cached_property
    def kinds(self) -> Kinds:
        """Nodes with the same encoding and the same group.

        Inputs or outputs by position, hidden ones by layer and activation.
        """
        neurons, structure = self.neurons, self.structure
        codes, group = neurons.take(structure.node_role), neurons.take(structure.node_group)
        position = torch.where(neurons.is_hidden.squeeze(1), neurons.layer, neurons.position)
        for field in (neurons.activation, group, position):
            codes = codes * (int(field.max()) + 1 if field.numel() else 1) + field
        return Kinds.from_codes(codes)

    @cached_property
    def scaled(self) -> Tensor:
        """Which arranged nodes may be scaled by positive numbers, ``(V,)``."""
        return self.neurons.all_groups.scale_mask.squeeze(1)

    @cached_property
    def scales(self) -> bool:
        """Whether there is such a node."""
        return bool(self.scaled.any())


def _node_order(structure: Structure) -> Tensor:
    """Sort nodes by role, then by layer, so that what late layers of a metanetwork need is mostly a slice."""
    layers = int(structure.node_layer.max()) + 1 if structure.node_layer.numel() else 1
    return torch.argsort(structure.node_role * layers + structure.node_layer, stable=True)


def _blocks(role: Tensor) -> Tensor:
    """The block of edges whose ends have the roles ``(2, E)``.

    Inputs -> hidden, hidden -> hidden, hidden -> outputs, inputs -> outputs: what ends in hidden
    neurons is one slice, and so is what starts in them.
    """
    ends = torch.tensor([[3, 0, 3], [3, 1, 2], [3, 3, 3]], device=role.device)
    return ends[role[0], role[1]]


def _edge_order(structure: Structure, row: Tensor) -> Tensor:
    """Targets with equally many edges stand together, so that sums over edges are plain sums."""
    target = row[structure.edge_index[1]]
    fan_in = torch.bincount(target, minlength=row.numel())[target]
    block = _blocks(structure.node_role[structure.edge_index])
    key = (block * (edge_limit(fan_in) + 1) + fan_in) * row.numel() + target
    return torch.argsort(key, stable=True)
