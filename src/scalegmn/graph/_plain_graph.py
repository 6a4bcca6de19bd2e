"""The graph of a batch without PyTorch Geometric, which takes longer to import than most models to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, final

from torch import Tensor

from scalegmn.graph._any_graph import AnyGraph
from scalegmn.shapes import NodeIntegers

if TYPE_CHECKING:
    from scalegmn.graph._network_graph import NetworkGraph


@final
class PlainGraph(AnyGraph):
    """Networks as one graph: the fields that metanetworks read, and nothing else.

    Args:
        fields: tensors by their names (:data:`scalegmn.graph.FIELDS`); ``batch`` ``(V,)``, the network of
            every neuron; ``ptr`` ``(B + 1,)``, where the neurons of every network begin.

    Example:
        >>> import torch
        >>> from scalegmn import NetworkBatch, siren
        >>> graph = NetworkBatch.from_parameters(siren(widths=(2, 8, 1)), torch.randn(5, 33)).graph
        >>> graph.num_graphs, graph.num_nodes, graph.num_edges
        (5, 55, 120)

        Loaders, transforms and layers of PyTorch Geometric take its own kind:

        >>> graph.to_pyg().to_data_list()[0].num_nodes
        11
    """

    batch: NodeIntegers
    ptr: Tensor

    def __init__(self, fields: Mapping[str, Tensor]) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    def __getitem__(self, name: str) -> Tensor:
        value: Tensor = getattr(self, name)
        return value

    @property
    def num_graphs(self) -> int:
        """Number of networks."""
        return self.ptr.numel() - 1

    @property
    def node_network(self) -> NodeIntegers:
        """The network that every neuron belongs to, ``(V,)``."""
        return self.batch

    @property
    def num_nodes(self) -> int:
        """Number of neurons, of all networks."""
        return self.node_role.numel()

    @property
    def num_edges(self) -> int:
        """Number of connections, of all networks."""
        return self.edge_index.shape[1]

    def to_pyg(self) -> NetworkGraph:
        """The same tensors as a batch of PyTorch Geometric; the graphs of its networks can be taken out."""
        from scalegmn.graph._pyg import batch_of

        return batch_of(self)
