"""A trained network as a graph: the data type that metanetworks read."""

from __future__ import annotations

from typing import Any

import torch

from scalegmn.errors import GraphError
from scalegmn.graph._any_graph import AnyGraph
from scalegmn.graph._fields import FIELD_NAMES, FIELDS, INDEX_FIELDS
from scalegmn.graph._geometric import Data
from scalegmn.shapes import NodeIntegers


class NetworkGraph(Data, AnyGraph):
    """A graph with one node per neuron (or channel) and one edge per connection.

    A PyTorch Geometric ``Data``: its ``Batch``, loaders and transforms work, also over different
    architectures.  The fields are listed in :mod:`scalegmn.graph._fields`; ``y`` may hold a label.

    Shapes: V nodes, E edges, T taps (see :mod:`scalegmn.shapes`).
    """

    def __cat_dim__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Fields that hold indices of nodes grow in their second dimension, all others in their first."""
        if key in FIELD_NAMES:
            return 1 if key in INDEX_FIELDS else 0
        return super().__cat_dim__(key, value, *args, **kwargs)

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Numbers of nodes are counted on; the other fields are the same in a batch."""
        if key in FIELD_NAMES:
            return self.num_nodes if key in INDEX_FIELDS else 0
        return super().__inc__(key, value, *args, **kwargs)

    @property
    def num_graphs(self) -> int:
        """Number of networks: 1, or that of a batch."""
        return 1 if "batch" not in self else int(self._store["ptr"].numel() - 1)

    @property
    def node_network(self) -> NodeIntegers:
        """The network of the batch that every neuron belongs to, ``(V,)``; zeros for one network."""
        return self._store["batch"] if "batch" in self else torch.zeros_like(self.node_role)

    def check(self) -> None:
        """Check every field against the registry.

        Raises:
            GraphError: a field is missing, has another dtype or length, or holds NaN or infinity.
        """
        missing = [field.name for field in FIELDS if field.name not in self]
        if missing:
            raise GraphError(
                f"the graph lacks the fields {missing}; scalegmn.graph.to_graph makes complete ones"
            )
        counts = {
            "V": self.node_role.shape[0],
            "E": self.edge_index.shape[1],
            "T": int(self.edge_taps.sum()),
            "H": self.product_index.shape[1],
        }
        for field in FIELDS:
            value = self[field.name]
            length = value.shape[1] if field.is_index and value.ndim == 2 else value.shape[0]
            ends = int(field.shape.split()[0]) if field.is_index else value.shape[0]
            if value.shape[0] != ends or length != counts[field.rows] or not field.has_dtype(value.dtype):
                raise GraphError(
                    f"field {field.name!r} has shape {tuple(value.shape)} and dtype {value.dtype}; expected "
                    f"({field.shape}) with {field.rows} = {counts[field.rows]}, "
                    f"{'floating point' if field.floating else 'int64'}"
                )
            if field.floating and not torch.isfinite(value).all():
                raise GraphError(f"field {field.name!r} holds NaN or infinite values")
