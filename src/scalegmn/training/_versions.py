"""Versions of what a result may depend on."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

from scalegmn import __version__


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the numeric packages, by name."""
    found = {"python": platform.python_version(), "scalegmn": __version__}
    for name in ("torch", "torch_geometric", "lightning", "torchmetrics", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
