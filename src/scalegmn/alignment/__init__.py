"""Networks brought to each other by the symmetries of their functions: aligned, compared, merged, related."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
