"""The order in which a metanetwork keeps the nodes and edges of a batch.

Input, hidden and output neurons have maps of their own.  Sorting them once, so that each kind is a
slice, lets every map run on what it is for and on nothing else.
"""

from __future__ import annotations

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
class Arrangement:
    """Nodes sorted by role (input, hidden, output); edges by the roles of their ends.

    Args:
        graph: one network or a batch.
        symmetric: whether the groups of the neurons count; False makes all of them trivial.

    Attributes:
        node_order, edge_order: the number in the graph of every arranged node and edge.
        inputs, hidden, outputs: slices of the arranged nodes.
        to_hidden, to_output: slices of the arranged edges, by the role of their target.
        source, target: ends of the arranged edges, as arranged nodes.
    """

    def __init__(self, graph: NetworkGraph, *, symmetric: bool) -> None:
        self.graph = graph
        role = graph.node_role
        self.node_order = torch.argsort(role, stable=True)
        counts = torch.bincount(role, minlength=3).tolist()
        self.inputs = slice(0, counts[0])
        self.hidden = slice(counts[0], counts[0] + counts[1])
        self.outputs = slice(counts[0] + counts[1], sum(counts))
        place = torch.empty_like(self.node_order)
        place[self.node_order] = torch.arange(place.numel(), device=place.device)
        source, target = place[graph.edge_index[0]], place[graph.edge_index[1]]
        # Inputs -> hidden, hidden -> hidden, hidden -> outputs, inputs -> outputs: what ends in hidden
        # neurons is one slice, and so is what starts in them.
        ends = torch.tensor([[3, 0, 3], [3, 1, 2], [3, 3, 3]], device=role.device)
        block = ends[role[graph.edge_index[0]], role[graph.edge_index[1]]]
        # Targets with equally many edges stand together, so that sums over edges are plain sums.
        fan_in = torch.bincount(target, minlength=place.numel())[target]
        key = (block * (edge_limit(fan_in) + 1) + fan_in) * place.numel() + target
        self.edge_order = torch.argsort(key, stable=True)
        self._blocks = torch.bincount(block, minlength=4).tolist()
        edges = sum(self._blocks)
        self.to_hidden = slice(0, self._blocks[0] + self._blocks[1])
        self.to_output = slice(self.to_hidden.stop, edges)
        self.from_hidden = slice(self._blocks[0], self._blocks[0] + self._blocks[1] + self._blocks[2])
        self.from_input = (slice(0, self._blocks[0]), slice(self.from_hidden.stop, edges))
        self.num_nodes = place.numel()
        self.num_graphs = graph.num_graphs
        self.source = Incidence(source[self.edge_order], self.num_nodes)
        self.target = Incidence(target[self.edge_order], self.num_nodes)
        codes = graph.node_group[self.node_order][self.hidden]
        self.hidden_rows = GroupRows(codes if symmetric else torch.zeros_like(codes))

    def by_role(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of all nodes as those of input, hidden and output neurons."""
        counts = [
            self.inputs.stop,
            self.hidden.stop - self.hidden.start,
            self.outputs.stop - self.outputs.start,
        ]
        inputs, hidden, outputs = x.split(counts)
        return inputs, hidden, outputs

    def by_end(self, e: Tensor, *, backward: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Features of all edges as those before, of, and behind the edges that reach hidden neurons.

        Args:
            e: arranged edges, ``(E, D)``.
            backward: edges reach their source, not their target.
        """
        hidden = self.from_hidden if backward else self.to_hidden
        before, inside, behind = e.split([hidden.start, hidden.stop - hidden.start, e.shape[0] - hidden.stop])
        return before, inside, behind

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
