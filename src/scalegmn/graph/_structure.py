"""What a graph is apart from the parameters of its networks: the same for every batch of one make-up."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import final

from torch import Tensor

from scalegmn.graph._any_graph import AnyGraph
from scalegmn.networks import Role
from scalegmn.shapes import EdgeIndex, EdgeIntegers, NodeIntegers, NodeScalars, ProductIndex


@final
@dataclass(frozen=True, eq=False)
class Structure:
    """The fields of a graph that hold no parameters (see :mod:`scalegmn.graph._fields`).

    Attributes:
        node_network: the network of the batch that every neuron belongs to, ``(V,)``.
        num_graphs: number of networks.
    """

    edge_index: EdgeIndex
    product_index: ProductIndex
    edge_type: EdgeIntegers
    edge_kernel: Tensor
    node_role: NodeIntegers
    node_layer: NodeIntegers
    node_position: NodeIntegers
    node_group: NodeIntegers
    node_degree: NodeScalars
    node_activation: NodeIntegers
    node_network: NodeIntegers
    num_graphs: int

    @classmethod
    def from_graph(cls, graph: AnyGraph) -> Structure:
        """The structure of a graph or a batch; its tensors are those of the graph."""
        own = {name: graph[name] for name in TENSORS if name != "node_network"}
        return cls(**own, node_network=graph.node_network, num_graphs=graph.num_graphs)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors."""
        return tuple(getattr(self, name) for name in TENSORS)

    @cached_property
    def edge_taps(self) -> EdgeIntegers:
        """Number of taps of every edge, ``(E,)``."""
        return self.edge_kernel.prod(dim=1)

    @cached_property
    def most(self) -> dict[str, int]:
        """The most inputs and outputs that a network has, and its hidden layers."""

        def largest(field: Tensor, role: Role) -> int:
            chosen = field[self.node_role == int(role)]
            return int(chosen.max()) if chosen.numel() else 0

        return {
            "inputs": largest(self.node_position + 1, Role.input),
            "outputs": largest(self.node_position + 1, Role.output),
            "hidden layers": largest(self.node_layer, Role.hidden),
        }


TENSORS = tuple(field.name for field in fields(Structure) if field.name != "num_graphs")
