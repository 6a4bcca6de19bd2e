"""Trained models that come with the library, by names such as ``scalegmn/trojan-detector``."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
