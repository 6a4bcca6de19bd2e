"""Scanning files and folders for trojaned networks: reading, verdicts, journals, reports."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
