"""What programs are made of: one file per kind of operation."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
