"""Sources of images: IDX files, CIFAR-10, folders, arrays, scikit-learn's digits."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
