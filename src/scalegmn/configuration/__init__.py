"""Typed options that check themselves, and can be written and read back; see :class:`Configuration`."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
