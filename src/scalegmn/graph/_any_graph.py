"""What a metanetwork reads of a graph, whoever holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from scalegmn.shapes import EdgeIndex, EdgeIntegers, NodeIntegers, NodeScalars, ProductIndex, TapScalars


class AnyGraph(ABC):
    """One network or several as a graph: a node per neuron (or channel), an edge per connection.

    Metanetworks read :class:`~scalegmn.graph.NetworkGraph`, which is PyTorch Geometric's, and
    :class:`~scalegmn.graph.PlainGraph`, which does without it.  The fields are listed in
    :mod:`scalegmn.graph._fields`.

    Shapes: V nodes, E edges, T taps (see :mod:`scalegmn.shapes`).
    """

    edge_index: EdgeIndex
    product_index: ProductIndex
    tap_weight: TapScalars
    node_bias: NodeScalars
    edge_type: EdgeIntegers
    edge_kernel: Tensor
    node_role: NodeIntegers
    node_layer: NodeIntegers
    node_position: NodeIntegers
    node_group: NodeIntegers
    node_degree: NodeScalars
    node_activation: NodeIntegers
    node_value: NodeScalars

    @abstractmethod
    def __getitem__(self, name: str) -> Tensor:
        """The field of this name."""

    @property
    @abstractmethod
    def num_graphs(self) -> int:
        """Number of networks."""

    @property
    @abstractmethod
    def node_network(self) -> NodeIntegers:
        """The network that every neuron belongs to, ``(V,)``."""

    @property
    def edge_taps(self) -> Tensor:
        """Number of taps of every edge, ``(E,)``."""
        return self.edge_kernel.prod(dim=1)
