"""The graph of a batch as a layer reads it: neurons sorted by role, and edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from scalegmn.graph import Structure
from scalegmn.nn._group_rows import GroupRows
from scalegmn.shapes import EdgeIntegers, NodeIntegers, NodeMask, ProductIndex
from scalegmn.symmetry import PHASE_BIT


@final
class Neurons:
    """The rows of node features ``(V, D)``: input neurons first, then hidden ones, then outputs.

    Each role has maps of its own, and a map runs on a slice.

    Args:
        structure: of one network or a batch.
        symmetric: whether the groups of the neurons count; False makes all of them trivial.
        order: the index in the graph of the neuron of every row, sorted by role; None for all neurons.

    Attributes:
        inputs, hidden, outputs: slices of the rows.
        groups: of the hidden neurons.
    """

    def __init__(self, structure: Structure, *, symmetric: bool, order: NodeIntegers | None = None) -> None:
        self.structure = structure
        self.order = torch.argsort(structure.node_role, stable=True) if order is None else order
        counts = torch.bincount(structure.node_role[self.order], minlength=3).tolist()
        self._counts = counts
        self.inputs = slice(0, counts[0])
        self.hidden = slice(counts[0], counts[0] + counts[1])
        self.outputs = slice(counts[0] + counts[1], sum(counts))
        codes = structure.node_group[self.order][self.hidden]
        self.groups = GroupRows(codes if symmetric else torch.zeros_like(codes))
        self.num_graphs = structure.num_graphs

    @property
    def count(self) -> int:
        """V."""
        return self.outputs.stop

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of input, of hidden and of output neurons."""
        inputs, hidden, outputs = x.split(self._counts)
        return inputs, hidden, outputs

    def take(self, field: Tensor) -> Tensor:
        """Reorder a field from the graph's nodes to these rows."""
        return field.index_select(0, self.order)

    def restore(self, rows: Tensor) -> Tensor:
        """Reorder these rows back to the graph's nodes; the inverse of :meth:`take`."""
        return torch.empty_like(rows).index_copy(0, self.order, rows)

    @cached_property
    def is_hidden(self) -> NodeMask:
        """Which rows are hidden neurons, ``(V, 1)``."""
        rows = torch.arange(self.count, device=self.order.device).unsqueeze(1)
        return (rows >= self.hidden.start) & (rows < self.hidden.stop)

    @cached_property
    def all_groups(self) -> GroupRows:
        """The groups of all rows; input and output neurons never change."""
        codes = self.groups.codes
        ends = [codes.new_zeros(self.hidden.start), codes, codes.new_zeros(self.count - self.hidden.stop)]
        return GroupRows(torch.cat(ends))

    @cached_property
    def phased(self) -> NodeMask | None:
        """Which rows are sine neurons whose phase may be shifted, ``(V, 1)``; None where there are none."""
        found = (self.take(self.structure.node_group) & PHASE_BIT) != 0
        return found.unsqueeze(1) if bool(found.any()) else None

    @cached_property
    def excess(self) -> Tensor | None:
        """Degree of the activation minus 1 of every row, ``(V, 1)``; None where it is 0 throughout."""
        excess = self.take(self.structure.node_degree).unsqueeze(1) - 1
        return excess if bool((excess != 0).any()) else None

    @cached_property
    def layer(self) -> NodeIntegers:
        """The layer of every row; inputs are 0."""
        return self.take(self.structure.node_layer)

    @cached_property
    def position(self) -> NodeIntegers:
        """The position of every row within its layer."""
        return self.take(self.structure.node_position)

    @cached_property
    def activation(self) -> NodeIntegers:
        """The code of the activation of every row."""
        return self.take(self.structure.node_activation)

    @cached_property
    def network(self) -> NodeIntegers:
        """The network of the batch that every row belongs to."""
        return self.take(self.structure.node_network)


@final
@dataclass(frozen=True, eq=False)
class SortedGraph:
    """Neurons sorted by role, and the edges ``j -> i`` between them.

    Attributes:
        neurons: the rows of node features.
        source: j of every edge, as a row, ``(E,)``.
        target: i of every edge, as a row, ``(E,)``.
        products: two factors and their product, as rows, ``(3, H)``.
    """

    neurons: Neurons
    source: EdgeIntegers
    target: EdgeIntegers
    products: ProductIndex

    @classmethod
    def from_structure(cls, structure: Structure, *, symmetric: bool) -> SortedGraph:
        """All neurons, and all edges in the order of the graph.

        Args:
            structure: of one network or a batch.
            symmetric: whether the groups of the neurons count.
        """
        neurons = Neurons(structure, symmetric=symmetric)
        row = torch.empty_like(neurons.order)
        row[neurons.order] = torch.arange(neurons.count, device=row.device)
        source, target = row[structure.edge_index]
        return cls(neurons, source, target, row[structure.product_index])
