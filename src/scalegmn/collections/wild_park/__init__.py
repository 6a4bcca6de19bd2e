"""The CNN Wild Park (Kofinas et al. 2024): checkpoints of CNNs of many shapes."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
