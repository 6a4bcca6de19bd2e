from ._trace import trace

__all__ = ["trace"]
