"""A file of a stranger is opened once: what is found out about it and what is read is the same file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.errors import CheckpointError

# Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever.  Not all systems have all of these.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOINHERIT", 0)
)


@final
@dataclass(frozen=True)
class OpenFile:
    """An open regular file that is not empty and not too large; a context that closes it.

    Attributes:
        descriptor: for reading, at the start of the file.
        size: bytes when it was opened.
    """

    descriptor: int
    size: int

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def ends(self, *, head: int, tail: int) -> tuple[bytes, bytes]:
        """First and last bytes, at most so many, or none if they cannot be read; it stays at its start."""
        try:
            first = os.read(self.descriptor, head)
            os.lseek(self.descriptor, max(0, self.size - tail), os.SEEK_SET)
            last = os.read(self.descriptor, tail)
            os.lseek(self.descriptor, 0, os.SEEK_SET)
        except OSError:  # whoever reads the whole says so
            return b"", b""
        return first, last


def open_file(path: str | os.PathLike[str], *, max_bytes: int) -> OpenFile:
    """Open a file and check its kind and size, before a byte is read.

    Raises:
        CheckpointError: it is missing, no regular file, empty, larger than ``max_bytes``, or cannot be
            opened.  The message does not name the path.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError as error:
        raise CheckpointError(_absent(Path(path))) from error
    except IsADirectoryError as error:  # Windows and folders: a PermissionError
        raise CheckpointError(_NO_FILE) from error
    except (OSError, ValueError) as error:  # a path with a zero character is a ValueError
        if _is_folder(path):
            raise CheckpointError(_NO_FILE) from error
        why = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(f"the file cannot be opened ({why}). Check it.") from error
    try:
        return _checked(descriptor, max_bytes=max_bytes)
    except BaseException:
        os.close(descriptor)
        raise


def file_changed_message(size: int) -> str:
    """Why a file that was written to in the meantime is not read."""
    return f"the file changed while it was read: it had {size:,} bytes before. Read it when it is complete."


def too_much_memory(max_bytes: int) -> str:
    """Why a file whose reader has run out of memory is not read."""
    return (
        f"reading it takes more memory than its reader may use with max_bytes={max_bytes:,}. If this is "
        "the checkpoint of a single network, pass a larger max_bytes."
    )


_NO_FILE: Final = "this is a folder or a device; expected a file. Name the file."


def _checked(descriptor: int, *, max_bytes: int) -> OpenFile:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        raise CheckpointError(_NO_FILE)
    if state.st_size == 0:
        raise CheckpointError("the file is empty (0 bytes). Copy or save it again.")
    if state.st_size > max_bytes:
        raise CheckpointError(
            f"the file has {state.st_size:,} bytes, which is more than max_bytes={max_bytes:,}. If this is "
            "the checkpoint of a single network, pass a larger max_bytes."
        )
    return OpenFile(descriptor=descriptor, size=state.st_size)


def _absent(path: Path) -> str:
    if path.is_symlink():
        return "this is a link to a file that is missing. Check where it leads."
    state = "exists" if _is_folder(path.parent) else "does not exist either"
    return f"there is no such file (its folder {state}). Check the path."


def _is_folder(path: str | os.PathLike[str]) -> bool:
    try:
        return os.path.isdir(path)
    except ValueError:
        return False
