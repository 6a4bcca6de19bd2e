"""Typed options that check themselves, and can be written and read back; see :class:`Configuration`."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
