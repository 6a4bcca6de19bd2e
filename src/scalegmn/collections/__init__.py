"""Published collections of networks: one format per file or folder, for reading and for writing."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
