"""One worker, as its parent sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from scalegmn.checkpoints import (
    Contents,
    FileContents,
    OpenFile,
    RawTensor,
    Select,
    file_changed_message,
    may_need_hdf5,
    too_much_memory,
)
from scalegmn.checkpoints.worker import _launching as launching
from scalegmn.checkpoints.worker._channel import BrokenError, Channel, EndedError, OverdueError
from scalegmn.checkpoints.worker._checking import Outline, WorkerRefusal, check_answer, parse_object
from scalegmn.checkpoints.worker._confinement import LIMITS, MEMORY
from scalegmn.checkpoints.worker._limits import MOST_HEADER_BYTES, ReadLimits
from scalegmn.checkpoints.worker._memory import memory_of
from scalegmn.errors import CheckpointError, UnsafeCheckpointError
from scalegmn.printable import NAME, printable

_MOST_HELLO_BYTES: Final = 2**16
# Where it is looked whether a file needs the HDF5 library: the directory of an archive is at its end.
_HEAD, _TAIL = 16, 2**20
_PORTION: Final = 2**20
_SECONDS_TO_END: Final = 1.0


class WorkerEndedError(CheckpointError):
    """The worker ended by itself while it read a file."""


@final
@dataclass(frozen=True, kw_only=True)
class ReadJob:
    """One file to read.

    Attributes:
        file: the open file.
        max_bytes: that its tensors may have, together.
        select: says which tensors are wanted, by the indices of their entries; None means all.
    """

    file: OpenFile
    max_bytes: int
    select: Select | None


@final
class WorkerProcess:
    """A started worker.

    Args:
        limits: of its time and memory.
        pass_descriptors: whether it gets files as descriptors; otherwise their bytes are sent to it.
        decoder: what it runs; None for that of checkpoints.

    Attributes:
        held: names of the limits that the system enforces on it.
        files: how many files it was given.
        spent: whether it may have used the HDF5 library, in whose memory a file may have left what it wanted;
            it reads no other file.

    Raises:
        CheckpointError: it cannot be started.
    """

    def __init__(
        self, *, limits: ReadLimits, pass_descriptors: bool, decoder: launching.Decoder | None = None
    ) -> None:
        decoder = decoder or launching.Decoder(entry=launching.ENTRY, packages=())
        self.files = 0
        self.spent = False
        self.held: tuple[str, ...] = ()
        self._limits = limits
        self._pass_descriptors = pass_descriptors
        try:
            self._process, connection = launching.launch(entry=decoder.entry, packages=decoder.packages)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"the process that reads files cannot be started ({error}).") from error
        self._channel = Channel(connection)
        try:
            self.held = self._hello()
        except (OverdueError, EndedError, BrokenError) as error:
            last = self._last_words()
            self.kill()
            raise CheckpointError(
                f"the process that reads files did not start ({error}{last}). Check that the interpreter "
                f"{sys.executable} works by itself."
            ) from error
        except BaseException:
            self.kill()
            raise

    @property
    def ready(self) -> bool:
        """Whether it runs and says nothing that it was not asked."""
        return self._process.poll() is None and self._channel.quiet

    def kill(self) -> None:
        """End it at once and leave no trace in the table of processes.  May be called from any thread."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._channel.close()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def interrupt(self) -> None:
        """End it at once; whoever waits for its answer sees the end and cleans up.  From any thread."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def abandon(self) -> None:
        """Let go of it without ending it: it belongs to the process that this one was forked from."""
        self._channel.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process.returncode = 0  # or Python would wait for a process that is not ours

    def read(self, job: ReadJob) -> FileContents:
        """Let it read one file.

        Raises:
            UnsafeCheckpointError: reading the file as others do would run code.
            CheckpointError: the file cannot be read, or reading it has ended the worker.
        """
        self.files += 1
        launching.diagnostics(self._process)  # read away: a full pipe would stop a worker
        try:
            return self._read(job)
        except OverdueError as error:
            self.kill()
            seconds = self._limits.clock(size=job.file.size, max_bytes=job.max_bytes)
            raise CheckpointError(
                f"reading it took more than {seconds:,.0f} seconds and was ended. The file is damaged or was "
                "made to keep its reader busy; on a slow machine, raise the limit."
            ) from error
        except EndedError as error:
            raise self._obituary(job) from error
        except BrokenError as error:
            self.kill()
            raise CheckpointError(
                f"its reader answered something that no reader says ({error}). The file has broken its "
                "reader: do not load it."
            ) from error
        except CheckpointError:
            raise
        except BaseException:  # an error of the caller's selection, or the end of the program
            self.kill()
            raise

    def _read(self, job: ReadJob) -> FileContents:
        file, max_bytes = job.file, job.max_bytes
        self._channel.allow(self._limits.clock(size=file.size, max_bytes=max_bytes))
        self._watch_memory(max_bytes)
        self._ask(job)
        answer = check_answer(self._channel.receive_frame(most=MOST_HEADER_BYTES), max_bytes=max_bytes)
        if isinstance(answer, WorkerRefusal):
            kind = UnsafeCheckpointError if answer.unsafe else CheckpointError
            raise kind(answer.reason)
        try:
            wanted = _wanted(answer.contents, select=job.select)
        except CheckpointError:
            self._channel.send_request({"done": True})
            raise
        self._channel.allow(self._limits.clock(size=file.size, max_bytes=max_bytes))
        contents = self._fetched(answer, wanted, max_bytes=max_bytes)
        self._channel.send_request({"done": True})
        return FileContents(sha256=answer.sha256, size=file.size, contents=contents, sent=frozenset(wanted))

    def _ask(self, job: ReadJob) -> None:
        size, max_bytes = job.file.size, job.max_bytes
        hdf5 = may_need_hdf5(*job.file.ends(head=_HEAD, tail=_TAIL))
        self.spent = self.spent or hdf5
        request: dict[str, int | float | bool | list[int]] = {
            "size": size,
            "max_bytes": max_bytes,
            "hdf5": hdf5,
            "memory": self._limits.memory(max_bytes=max_bytes),
            "processor_seconds": self._limits.processor(size=size, max_bytes=max_bytes),
        }
        if self._pass_descriptors:
            self._channel.send_request(request, descriptor=job.file.descriptor)
            return
        self._channel.send_request(request)
        remaining = size
        while remaining > 0 and (part := os.read(job.file.descriptor, min(_PORTION, remaining))):
            self._channel.send(part)
            remaining -= len(part)
        if remaining > 0 or os.read(job.file.descriptor, 1):
            self.kill()  # it waits for bytes that will not come, or has not seen that there are more
            raise CheckpointError(file_changed_message(size))

    def _fetched(self, outline: Outline, wanted: Sequence[int], *, max_bytes: int) -> Contents:
        """The contents with the numbers of some tensors."""
        self._channel.send_request({"send": list(wanted)})
        entries = list(outline.contents.entries)
        for index in wanted:
            tensor = entries[index].value
            assert isinstance(tensor, RawTensor)
            try:
                data = np.empty(tensor.nbytes, dtype=np.uint8)
            except MemoryError as error:
                self.kill()
                raise CheckpointError(too_much_memory(max_bytes)) from error
            self._channel.receive_into(data.data)
            entries[index] = replace(entries[index], value=replace(tensor, data=data.data))
        return replace(outline.contents, entries=tuple(entries))

    def _hello(self) -> tuple[str, ...]:
        self._channel.allow(self._limits.start_seconds)
        said = parse_object(self._channel.receive_frame(most=_MOST_HELLO_BYTES))
        held = said.get("held")
        if not isinstance(held, list):
            raise BrokenError("it did not say which limits hold")
        return tuple(name for name in LIMITS if name in held)

    def _watch_memory(self, max_bytes: int) -> None:
        """Where the system does not limit memory, look at it while waiting."""
        if MEMORY in self.held:
            return
        idle = memory_of(self._process.pid)
        if idle is None:
            return
        most = idle + self._limits.memory(max_bytes=max_bytes)

        def look() -> None:
            if (memory_of(self._process.pid) or 0) > most:
                self.kill()
                raise CheckpointError(too_much_memory(max_bytes))

        self._channel.watch(look)

    def _obituary(self, job: ReadJob) -> CheckpointError:
        """Why the worker is gone."""
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            code = None  # it has closed the connection and goes on
        last = self._last_words()
        self.kill()
        if code is not None and sys.platform != "win32" and -code == signal.SIGXCPU:
            seconds = self._limits.processor(size=job.file.size, max_bytes=job.max_bytes)
            return CheckpointError(
                f"reading it took more than {seconds:,.0f} seconds of processor time and was ended. "
                "The file is damaged or was made to keep its reader busy."
            )
        return WorkerEndedError(
            f"the reader of this file ended by {_cause(code)}{last}. The file is damaged or was made to "
            "break its reader: do not load it."
        )

    def _last_words(self) -> str:
        said = launching.diagnostics(self._process)
        return f"; it said {printable(said, limit=NAME)}" if said else ""


def _cause(code: int | None) -> str:
    if code is None:
        return "closing its connection"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name} (perhaps the machine ran out of memory)" if name == "SIGKILL" else name


def _wanted(contents: Contents, *, select: Select | None) -> list[int]:
    """Indices of the tensors to fetch, each once, in the order of the file."""
    tensors = [index for index, entry in enumerate(contents.entries) if isinstance(entry.value, RawTensor)]
    if select is None:
        return tensors
    chosen = set(select(contents))
    if unknown := chosen.difference(tensors):
        raise ValueError(f"select: the entries {sorted(unknown)} are no tensors; expected indices of tensors")
    return sorted(chosen)
