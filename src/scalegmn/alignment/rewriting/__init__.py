"""Networks written anew so that their functions stay, and without neurons that a rewriting may have added."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
