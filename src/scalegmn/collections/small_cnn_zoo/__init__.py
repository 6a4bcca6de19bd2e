"""The Small CNN Zoo (Unterthiner et al. 2020): reading, splits, importing and writing."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
