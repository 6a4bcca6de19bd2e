"""A network as a graph whose every number knows how it transforms, and back."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
