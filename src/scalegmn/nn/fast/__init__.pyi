from ._layers import execute_layer
from ._plans import Plan, PlanOptions

__all__ = ["Plan", "PlanOptions", "execute_layer"]

# For other rooms of the house; no promise is made about these.
from ._arrangement import Arrangement as Arrangement
from ._dropout import dropout as dropout
from ._execute import finish_layer as finish_layer
from ._factored import Edges as Edges
from ._factored import Factored as Factored
from ._factored import materialize as materialize
from ._segments import Incidence as Incidence
from ._senders import start_of as start_of
from ._start import encodes_by_kind as encodes_by_kind
from ._start import factored_edges as factored_edges
from ._state import FastState as FastState
from ._steps import Step as Step
