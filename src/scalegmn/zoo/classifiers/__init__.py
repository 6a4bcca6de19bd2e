"""Small modern classifiers of many architectures, trained on images, many at once."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
