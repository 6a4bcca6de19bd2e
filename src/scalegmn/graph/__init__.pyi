from ._cache import Cache
from ._convert import batch_graphs, to_graph, to_module, to_parameters, update_parameters
from ._fields import FIELDS, Field
from ._network_batch import NetworkBatch
from ._network_graph import NetworkGraph
from ._spec import GraphSpec
from ._structure import Structure

__all__ = [
    "FIELDS",
    "Cache",
    "Field",
    "GraphSpec",
    "NetworkBatch",
    "NetworkGraph",
    "Structure",
    "batch_graphs",
    "to_graph",
    "to_module",
    "to_parameters",
    "update_parameters",
]

# For other rooms of the house; no promise is made about these.
from ._records import Records as Records
from ._records import join as join
