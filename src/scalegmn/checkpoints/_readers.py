"""What reads a file: this process, or a worker that may crash."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from scalegmn.checkpoints._contents import Contents
from scalegmn.checkpoints._decoding import ConfinedOnlyError, decode
from scalegmn.checkpoints._opening import file_changed_message, open_file
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
        contents: what they hold.  A tensor that was not selected has no numbers.
        sent: places of the entries whose numbers are there.
    """

    sha256: str
    size: int
    contents: Contents
    sent: frozenset[int] = frozenset()


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
    """Reads in this process.  Nothing of the file runs, but its size and its cost are borne here.

    HDF5 files and Keras archives are handed to the worker process that this process keeps for single files.
    """

    def read(
        self, path: str | os.PathLike[str], *, max_bytes: int, select: Select | None = None
    ) -> FileContents:
        content = read_bytes(path=path, max_bytes=max_bytes)
        try:
            contents = decode(content, max_bytes=max_bytes)
        except ConfinedOnlyError:
            # The HDF5 library is large, and crashes of it must not be ours.
            from scalegmn.checkpoints.worker import shared_reader

            return shared_reader().read(path, max_bytes=max_bytes, select=select)
        except CheckpointError as error:
            raise type(error)(f"{os.fspath(path)}: {error}") from error
        except (MemoryError, RecursionError) as error:
            raise CheckpointError(
                f"{os.fspath(path)}: reading it takes more memory than there is; give a smaller file"
            ) from error
        every = frozenset(range(len(contents.entries)))
        return FileContents(hashlib.sha256(content).hexdigest(), len(content), contents, every)


def read_bytes(*, path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Read a whole file that is not empty.

    Raises:
        CheckpointError: it is missing, no regular file, empty, unreadable, larger than `max_bytes`, or it
            changed while it was read; names it.
    """
    origin = os.fspath(path)
    try:
        with (
            open_file(path, max_bytes=max_bytes) as file,
            os.fdopen(file.descriptor, "rb", closefd=False) as stream,
        ):  # LONG
            content = stream.read(file.size + 1)
            if len(content) != file.size:
                raise CheckpointError(file_changed_message(file.size))
    except OSError as error:
        raise CheckpointError(f"{origin}: the file cannot be read ({error.strerror}); check it") from error
    except CheckpointError as error:
        raise CheckpointError(f"{origin}: {error}") from error
    return content
