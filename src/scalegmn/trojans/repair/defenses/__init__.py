"""Published defenses, to compare repairs with: each sees clean images and never a trigger."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
