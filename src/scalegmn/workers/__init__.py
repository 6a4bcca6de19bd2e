"""Where pieces of work are done: threads of this process, or the machines of a Ray cluster."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
