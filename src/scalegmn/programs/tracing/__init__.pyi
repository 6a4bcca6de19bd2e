from ._trace import trace
from ._unwrapping import unwrap

__all__ = ["trace", "unwrap"]
