"""The folders of the first trojan study with ScaleGMN: reading and writing."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
