"""Small modern classifiers trained on images, many at once: CNNs, residual networks with batch norm, transformers."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
