"""From a foreign file to named tensors, without running anything that the file holds.

``decoding`` reads bytes, with numpy and the standard library alone; ``reading`` gives tensors to the rest of
the library.  Names are loaded on first use, so that a process that only decodes never imports torch.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
