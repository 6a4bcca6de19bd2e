"""Any network as a program: traced, run, folded, and interpreted in algebras of labels."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
