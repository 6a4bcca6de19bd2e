"""Writing files so that a crash at any moment leaves all of a change or nothing of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from scalegmn.disk import writing

TEMPORARY = ".tmp"


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path`; a reader, or a crash at any moment, finds all of it or what was there before."""
    temporary = path.with_name(path.name + TEMPORARY)
    with writing(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            # On a full disk every byte counts.
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def write_from(path: Path, start: int, data: memoryview) -> None:
    """Replace everything from byte `start` on.  Not atomic: what is behind `start` must not be in use."""
    new = not path.exists()
    with writing(path):
        with path.open("wb" if new else "r+b") as file:
            file.truncate(start)
            file.seek(start)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names durable (Windows has no such call and needs none)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
