"""Tables and pictures of results.

Pictures are drawn on figures of their own; the global state of pyplot is never touched, so this can run
beside a program that plots.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
