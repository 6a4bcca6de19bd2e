"""Folders with one writer at a time.

A writer holds a lock of the operating system on a file in the folder.  The system takes the lock back when
the process ends, however it ends, so a crash never keeps others out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scalegmn.disk._failures import writing
from scalegmn.disk._whole_files import make_folder
from scalegmn.errors import DiskError, PopulationError

LOCK: Final = ".scalegmn.lock"
PARTIAL: Final = ".scalegmn.partial"
"""In a folder that is being filled: what is there so far."""


def holds_something(folder: Path) -> bool:
    """Whether a folder holds more than what a writer that died may have left; False if there is none."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(entry.name not in (LOCK, PARTIAL) for entry in entries)


@contextlib.contextmanager
def claim_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Keep other writers out of a folder; it is made if need be, and removed if it is empty afterwards.

    Raises:
        DiskError: another process is at work in it, or it cannot be written to.
    """
    folder = Path(folder)
    new = not folder.exists()
    make_folder(folder)
    try:
        with _lock(folder / LOCK):
            yield folder
    finally:
        if new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def writer_in(folder: Path) -> str | None:
    """Who is at work in a folder; None if nobody is."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _locked(descriptor) else _text(descriptor) or "another process"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def new_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder that holds all of a result or nothing.

    The result is written into a hidden folder within it, whose entries move to their places at the end.

    Args:
        folder: a new or empty folder.

    Raises:
        PopulationError: it holds something.
        DiskError: another process is at work in it, or it cannot be written to.
    """
    with claim_folder(folder) as folder:
        if holds_something(folder):
            raise PopulationError(f"{folder}: is not empty; choose a new or empty folder")
        partial = folder / PARTIAL
        with writing(folder):
            # Of a writer that died.
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
        placed: list[Path] = []
        try:
            yield partial
            with writing(folder):
                for path in sorted(partial.iterdir()):
                    path.rename(folder / path.name)
                    placed.append(folder / path.name)
        except BaseException as error:
            for path in placed:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if isinstance(error, DiskError):
                # Where the file was to lie is what the user knows.
                raise DiskError(str(error).replace(f"{os.sep}{PARTIAL}", "")) from error
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made and removed again."""
    descriptor = _taken(path)
    try:
        yield
    finally:
        # Removed before it is closed: whoever opened it meanwhile sees that it is not the file of this name.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _taken(path: Path) -> int:
    """The open file of a lock that is held now."""
    while True:
        with writing(path.parent):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _locked(descriptor):
                owner = _text(descriptor) or "just started"
                raise DiskError(
                    f"{path.parent}: another command is writing there ({owner}); wait for it, end it, or "
                    f"choose another folder. If it ended long ago, remove {path.name}"
                )
            if _is_named(descriptor, path):
                # Who holds it is for people to read; a full disk has no place for it.
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, 0)
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Its owner removed it between the two steps.
        os.close(descriptor)


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _text(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, 300).decode(errors="replace").strip()


def _locked(descriptor: int) -> bool:
    """Take the lock of an open file; False if another process has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(descriptor, 2**30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks.
        return not _owner_lives(_text(descriptor))
    return True


def _owner_lives(text: str) -> bool:
    """Whether the process that a lock file names may still be at work."""
    words = text.split()
    if len(words) != 4 or not words[1].isdecimal() or int(words[1]) == os.getpid():
        return False
    if words[3] != socket.gethostname():
        # Nothing can be known of processes of other machines.
        return True
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
