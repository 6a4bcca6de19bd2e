"""Which networks descend from which: fingerprints that symmetries do not change, families and their trees."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
