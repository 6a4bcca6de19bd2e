"""Folders that all machines must see."""

from __future__ import annotations

import platform
from pathlib import Path

from scalegmn.errors import ClusterError


def require_folder(folder: Path) -> None:
    """Refuse to work where a folder cannot be seen: its files would seem to be missing.

    Raises:
        ClusterError: this machine does not see it.
    """
    if not folder.is_dir():
        raise ClusterError(
            f"{folder}: the worker {platform.node()} does not see this folder; use one that all machines "
            "of the cluster have at the same place"
        )
