"""One file, opened once: its size is looked at before its bytes, and all is said about the same bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from scalegmn.checkpoints.contents import Contents
from scalegmn.checkpoints.decoding import decode
from scalegmn.errors import CheckpointError

DEFAULT_MAX_BYTES = 2**30
"""Larger files, or files that unpack to more, are refused unless somebody asks for them."""

Select = Callable[[Contents], Sequence[int]]


@final
@dataclass(frozen=True, eq=False)
class FileContents:
    """What a file holds, and which bytes it was.

    Attributes:
        sha256: checksum of its bytes, in hexadecimal.
        size: how many bytes there are.
        contents: what they hold.
    """

    sha256: str
    size: int
    contents: Contents


class FileReader(ABC):
    """What reads files: this process, or a worker that may crash."""

    @abstractmethod
    def read(
        self, path: str | os.PathLike[str], *, max_bytes: int, select: Select | None = None
    ) -> FileContents:
        """Everything that a file holds.

        Args:
            path: of the file.
            max_bytes: refuse files that are, or unpack to, more than this.
            select: places of the entries whose numbers are wanted; by default all.

        Raises:
            CheckpointError: the file cannot be read; names it.
        """


@final
class DirectReader(FileReader):
    """Reads in this process.  Nothing of the file runs, but its size and its cost are borne here."""

    def read(
        self, path: str | os.PathLike[str], *, max_bytes: int, select: Select | None = None
    ) -> FileContents:
        content = read_bytes(path=path, max_bytes=max_bytes)
        try:
            contents = decode(content, max_bytes=max_bytes)
        except CheckpointError as error:
            raise type(error)(f"{os.fspath(path)}: {error}") from error
        except (MemoryError, RecursionError) as error:
            raise CheckpointError(
                f"{os.fspath(path)}: reading it takes more memory than there is; give a smaller file"
            ) from error
        return FileContents(hashlib.sha256(content).hexdigest(), len(content), contents)


def open_file(path: str | os.PathLike[str], *, max_bytes: int) -> tuple[int, int]:
    """A descriptor of a regular file for reading, which the caller closes, and its size.

    Raises:
        CheckpointError: it is missing, no regular file, empty, unreadable, or larger than `max_bytes`.
    """
    origin = os.fspath(path)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # Opening a pipe would wait for its writer, and a terminal would become the process's own.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise CheckpointError(f"{origin}: {_why_not(Path(path), error)}") from error
    except ValueError as error:
        raise CheckpointError(f"{origin}: this is no name of a file ({error}); check the path") from error
    try:
        found = os.fstat(descriptor)
        problem = _problem(found, max_bytes)
        if problem is not None:
            raise CheckpointError(f"{origin}: {problem}")
        return descriptor, found.st_size
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(*, path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Read a whole file that is not empty.

    Raises:
        CheckpointError: as in :func:`open_file`, or it changed while it was read.
    """
    descriptor, size = open_file(path, max_bytes=max_bytes)
    try:
        with open(descriptor, "rb") as file:
            content = file.read(size + 1)
    except OSError as error:
        raise CheckpointError(
            f"{os.fspath(path)}: the file cannot be read ({error.strerror}); check it"
        ) from error
    if len(content) != size:
        raise CheckpointError(f"{os.fspath(path)}: the file was changed while it was read; read it again")
    return content


def _problem(found: os.stat_result, max_bytes: int) -> str | None:
    if stat.S_ISDIR(found.st_mode):
        return "this is a folder or a device; expected a file; name the file"
    if not stat.S_ISREG(found.st_mode):
        return "this is a pipe, a socket or a device; expected a file"
    if found.st_size > max_bytes:
        return (
            f"the file has {found.st_size:,} bytes, which is more than max_bytes={max_bytes:,}; if this is "
            "the checkpoint of a single network, pass a larger max_bytes"
        )
    return None if found.st_size else "the file is empty (0 bytes); copy or save it again"


def _why_not(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if path.is_symlink():
            return "this is a link to a file that is missing; check where it leads"
        state = "exists" if path.parent.is_dir() else "does not exist either"
        return f"there is no such file (its folder {path.parent} {state}); check the path"
    if error.errno == errno.EISDIR:
        return "this is a folder or a device; expected a file; name the file"
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return "this is a pipe, a socket or a device; expected a file"
    return f"the file cannot be read ({error.strerror}); check it"
