from ._any_graph import AnyGraph
from ._cache import Cache
from ._convert import batch_graphs, to_graph, to_module, to_parameters, update_parameters
from ._fields import FIELDS, GraphField
from ._layout import GraphLayout
from ._layouts import layout_of, make_layout
from ._network_batch import NetworkBatch
from ._network_graph import NetworkGraph
from ._plain_graph import PlainGraph
from ._records import Records, join
from ._spec import GraphSpec
from ._structure import Structure

__all__ = [
    "FIELDS",
    "AnyGraph",
    "Cache",
    "GraphField",
    "GraphLayout",
    "GraphSpec",
    "NetworkBatch",
    "NetworkGraph",
    "PlainGraph",
    "Records",
    "Structure",
    "batch_graphs",
    "join",
    "layout_of",
    "make_layout",
    "to_graph",
    "to_module",
    "to_parameters",
    "update_parameters",
]
