"""Tables and pictures of results.

Pictures are drawn on figures of their own; the global state of pyplot is never touched, so this can run
beside a program that plots.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
