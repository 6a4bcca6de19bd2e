"""Triggers: changes of images that trojaned networks are trained to react to.  One kind per file."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
