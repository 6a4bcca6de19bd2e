from ._trace import trace
from ._two_sizes import check_one_network
from ._unwrapping import unwrap

__all__ = ["check_one_network", "trace", "unwrap"]

# For other rooms of the house; no promise is made about these.
from ._arguments import arguments_of as arguments_of
from ._trace import trace_named as trace_named
