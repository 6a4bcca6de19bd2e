"""ONNX files: parsed by a confined worker, as plain values; nothing of a file runs."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
