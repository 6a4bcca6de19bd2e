from ._arrangement import Arrangement
from ._dropout import dropout
from ._execute import execute_layer, finish_layer
from ._factored import Edges, Factored, materialize
from ._plans import Plan, PlanOptions
from ._segments import Incidence
from ._senders import start_of
from ._start import encodes_by_kind, factored_edges
from ._state import FastState
from ._steps import Step

__all__ = [
    "Arrangement",
    "Edges",
    "Factored",
    "FastState",
    "Incidence",
    "Plan",
    "PlanOptions",
    "Step",
    "dropout",
    "encodes_by_kind",
    "execute_layer",
    "factored_edges",
    "finish_layer",
    "materialize",
    "start_of",
]
