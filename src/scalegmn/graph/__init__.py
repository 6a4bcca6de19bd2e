"""A network as a graph whose every number knows how it transforms, and back."""

from scalegmn.graph.convert import batch_graphs, to_graph, to_module, to_parameters, update_parameters
from scalegmn.graph.fields import FIELDS, Field
from scalegmn.graph.network_batch import NetworkBatch
from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.graph.spec import GraphSpec

__all__ = [
    "FIELDS",
    "Field",
    "GraphSpec",
    "NetworkBatch",
    "NetworkGraph",
    "batch_graphs",
    "to_graph",
    "to_module",
    "to_parameters",
    "update_parameters",
]
