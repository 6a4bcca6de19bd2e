"""Reading files of strangers: what the rest of the library calls."""

from __future__ import annotations

import os
import sys
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, final

from scalegmn.checkpoints import FileContents, FileReader, Select
from scalegmn.checkpoints.worker._confinement import LIMITS, MEMORY
from scalegmn.checkpoints.worker._launching import Decoder
from scalegmn.checkpoints.worker._limits import ReadLimits
from scalegmn.checkpoints.worker._memory import memory_of
from scalegmn.checkpoints.worker._pool import ReadRequest, WorkerPool
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.printable import printable

PASS_DESCRIPTORS: Final = sys.platform != "win32"

_MOST_PATH_CHARACTERS: Final = 200

Path = str | os.PathLike[str]


@final
class Reader(FileReader):
    """Reads files in worker processes; a context that ends them.

    Workers are started when they are needed, kept from file to file, and replaced when one ends.  A reader
    may be used from several threads, and in a process that was forked, which gets workers of its own.

    Law: whatever a file holds, reading it gives its contents or a :class:`~scalegmn.errors.CheckpointError`,
    in bounded time and memory, and a file that ends a worker does not keep the next one from being read.

    Args:
        workers: most worker processes, one a core by default.
        limits: of time and memory for each file.
        pass_descriptors: whether workers get the open file; otherwise its bytes are sent, as on Windows.
        decoder: what workers run; None for the reading of checkpoints.

    Raises:
        ConfigurationError: ``workers`` is not positive.

    Example:
        >>> with Reader() as reader:  # doctest: +SKIP
        ...     found = reader.read("network.pt", max_bytes=2**30)
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        limits: ReadLimits | None = None,
        pass_descriptors: bool = PASS_DESCRIPTORS,
        decoder: Decoder | None = None,
    ) -> None:
        workers = _cores() if workers is None else workers
        if workers < 1:
            raise ConfigurationError(f"workers={workers}: expected at least 1. Leave it out for one a core.")
        self._workers = workers
        self._limits = ReadLimits() if limits is None else limits
        self._pass_descriptors = pass_descriptors
        self._decoder = decoder
        self._open()
        _READERS.add(self)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        self._finalizer()

    def read(self, path: Path, *, max_bytes: int, select: Select | None = None) -> FileContents:
        """Read one file.

        Args:
            path: of the file.
            max_bytes: that the file may have, and that its tensors may have together.
            select: gets the contents without numbers and says which tensors are wanted, by the indices of
                their entries; None means all.  It runs in another thread; a CheckpointError of it is taken
                as one of the file.

        Raises:
            UnsafeCheckpointError: reading the file as others do would run code; nothing ran.
            CheckpointError: the file cannot be read.  The message starts with the path.
        """
        return self._result(self._submit(path, max_bytes=max_bytes, select=select))

    def read_many(
        self, paths: Iterable[Path], *, max_bytes: int, select: Select | None = None
    ) -> Iterator[FileContents | CheckpointError]:
        """Read files, several at a time; what each holds, or its error, in the order of the paths.

        Files are read ahead only as far as there are workers, and as far as the sizes of all that were not
        yet taken stay within ``max_bytes``.

        Args:
            paths: of the files, taken as they are needed.
            max_bytes: see :meth:`read`.
            select: see :meth:`read`.
        """
        ahead: deque[tuple[ReadRequest, int]] = deque()
        coming = iter(paths)
        following = next(coming, None)
        try:
            while ahead or following is not None:
                while following is not None and len(ahead) <= self._workers:
                    size = _size(following)
                    if ahead and size + sum(one for _, one in ahead) > max_bytes:
                        break
                    ahead.append((self._submit(following, max_bytes=max_bytes, select=select), size))
                    following = next(coming, None)
                task, _ = ahead.popleft()
                try:
                    result: FileContents | CheckpointError = self._result(task)
                except CheckpointError as error:
                    result = error
                yield result
                del result, task  # or a large file stays in memory while the next one is read
        finally:
            for task, _ in ahead:
                self._pool.drop(task)

    @property
    def workers(self) -> int:
        """Most worker processes."""
        return self._workers

    @property
    def limits_held(self) -> tuple[str, ...]:
        """Names of the limits that hold for all workers so far; empty if none was started."""
        started = self._pool.held
        return tuple(name for name in LIMITS if started and all(name in one for one in started))

    @property
    def limits_missing(self) -> tuple[str, ...]:
        """Names of the limits that the system does not enforce on some worker; empty if none was started."""
        return tuple(name for name in LIMITS if any(name not in one for one in self._pool.held))

    def describe_limits(self) -> str:
        """One line for a report: which limits held, and what there was instead of the others."""
        if not self._pool.held:
            return "Limits held: none was needed, no file was read."
        held = ", ".join(("time on the clock", *self.limits_held))
        if not self.limits_missing:
            return f"Limits held: {held}."
        said = f"Limits held: {held}. Not on this system: {', '.join(self.limits_missing)}."
        if MEMORY not in self.limits_missing:
            return said
        if memory_of(os.getpid()) is None:
            return f"{said} Install psutil to have the memory of workers watched."
        return f"{said} The memory of workers is watched."

    def _open(self) -> None:
        self._pool = WorkerPool(
            workers=self._workers,
            limits=self._limits,
            pass_descriptors=self._pass_descriptors,
            decoder=self._decoder,
        )
        # Also when the reader is forgotten, and when the program ends.
        self._finalizer = weakref.finalize(self, self._pool.close)

    def _after_fork(self) -> None:
        """Start anew in a forked process: threads and workers belong to the parent."""
        self._finalizer.detach()
        self._pool.abandon()
        self._open()

    def _submit(self, path: Path, *, max_bytes: int, select: Select | None) -> ReadRequest:
        task = ReadRequest(path=path, max_bytes=max_bytes, select=select)
        try:
            self._pool.submit(task)
        except CheckpointError as error:
            raise _about(path, error) from error
        return task

    def _result(self, task: ReadRequest) -> FileContents:
        try:
            error = task.future.exception()
        except BaseException:  # Ctrl-C
            self._pool.drop(task)
            raise
        if isinstance(error, CheckpointError):
            raise _about(task.path, error) from error
        return task.future.result()


@cache
def shared_reader() -> Reader:
    """The reader of this process for files read one after the other; its worker ends with the process."""
    return Reader(workers=1)


def _about(path: Path, error: CheckpointError) -> CheckpointError:
    """The error with the path of the file in front."""
    return type(error)(f"{printable(os.fsdecode(path), limit=_MOST_PATH_CHARACTERS)}: {error}")


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def _cores() -> int:
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


_READERS: Final[weakref.WeakSet[Reader]] = weakref.WeakSet()


def _after_fork() -> None:
    for reader in list(_READERS):
        reader._after_fork()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)
