"""What a network is, before it is a graph: layers, parameters, neurons, files."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
