"""The Small CNN Zoo (Unterthiner et al. 2020): reading, splits, importing and writing."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
