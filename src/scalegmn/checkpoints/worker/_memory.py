"""Memory of another process, for systems that do not limit it."""

from __future__ import annotations

import importlib
import mmap
from pathlib import Path


def memory_of(process: int) -> int | None:
    """Bytes of memory that a process has in use, or None where the system does not tell.

    Linux tells by itself; elsewhere the package psutil is asked, if it is installed.
    """
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        pass
    try:
        psutil = importlib.import_module("psutil")
    except ImportError:
        return None
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return None
