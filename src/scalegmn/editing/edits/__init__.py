"""Edits of images that metanetworks learn to make on networks, and registering one's own."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
