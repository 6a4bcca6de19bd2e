"""Several workers, each led by a thread of its own.

The thread that starts a worker has to live as long as it: on Linux a worker ends with the thread that has
started it, not only with its process.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, final

from scalegmn.checkpoints import FileContents, Select, open_file
from scalegmn.checkpoints.worker._launching import Decoder
from scalegmn.checkpoints.worker._limits import ReadLimits
from scalegmn.checkpoints.worker._process import ReadJob, WorkerEndedError, WorkerProcess
from scalegmn.errors import CheckpointError

_SECONDS_TO_JOIN: Final = 5.0


@final
@dataclass(eq=False, kw_only=True)
class ReadRequest:
    """A file that somebody waits for.

    Attributes:
        path: of the file.
        max_bytes: see :class:`~scalegmn.checkpoints.worker._process.ReadJob`.
        select: see :class:`~scalegmn.checkpoints.worker._process.ReadJob`.
        future: gets what the file holds, or the error.
        process: the worker that reads it now.
        dropped: nobody waits any more.
    """

    path: str | os.PathLike[str]
    max_bytes: int
    select: Select | None
    future: Future[FileContents] = field(default_factory=Future)
    process: WorkerProcess | None = None
    dropped: bool = False


@final
class WorkerPool:
    """Threads and workers, started when there is work for them.

    Args:
        workers: most of them.
        limits: of each.
        pass_descriptors: see :class:`~scalegmn.checkpoints.worker._process.WorkerProcess`.
        decoder: see :class:`~scalegmn.checkpoints.worker._process.WorkerProcess`.

    Attributes:
        held: the names of the limits that hold, for all workers that were started.
    """

    def __init__(
        self, *, workers: int, limits: ReadLimits, pass_descriptors: bool, decoder: Decoder | None = None
    ) -> None:
        self.held: set[tuple[str, ...]] = set()
        self._workers = workers
        self._limits = limits
        self._pass_descriptors = pass_descriptors
        self._decoder = decoder
        self._changed = threading.Condition()
        self._tasks: deque[ReadRequest] = deque()
        self._threads: list[threading.Thread] = []
        self._processes: set[WorkerProcess] = set()
        self._unfinished: set[ReadRequest] = set()
        self._idle = 0
        self._closed = False

    def submit(self, task: ReadRequest) -> None:
        """Let the next free worker do it.

        Raises:
            CheckpointError: the pool is closed.
        """
        with self._changed:
            if self._closed:
                raise CheckpointError("the reader is closed. Make another one.")
            self._tasks.append(task)
            self._unfinished.add(task)
            if self._idle < len(self._tasks) and len(self._threads) < self._workers:
                thread = threading.Thread(target=self._lead, name="scalegmn-reader", daemon=True)
                thread.start()
                self._threads.append(thread)
            self._changed.notify()

    def drop(self, task: ReadRequest) -> None:
        """Nobody waits for a file any more: nothing of it goes on in the background."""
        task.dropped = True
        if not task.future.cancel() and (process := task.process) is not None:
            process.interrupt()

    def close(self) -> None:
        """End all workers and threads; files that somebody still waits for are errors."""
        with self._changed:
            self._closed = True
            waiting, threads, processes = list(self._tasks), list(self._threads), list(self._processes)
            self._tasks.clear()
            self._changed.notify_all()
        for process in processes:
            process.interrupt()
        for task in waiting:
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(CheckpointError("the reader was closed before it was read."))
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_SECONDS_TO_JOIN)

    def abandon(self) -> None:
        """After a fork: let go of all workers without ending them, and of all files that were begun."""
        self._closed = True
        for process in self._processes:
            process.abandon()
        for task in self._unfinished:
            task.future = Future()  # whoever held the lock of the old one at the fork is not here
            task.future.set_exception(CheckpointError("its reading began before this process was forked."))

    def _lead(self) -> None:
        process: WorkerProcess | None = None
        try:
            while (task := self._next()) is not None:
                if task.future.set_running_or_notify_cancel():
                    process = self._do(task, process)
                else:
                    self._unfinished.discard(task)
                del task  # or what it holds stays until the next one comes
        finally:
            self._end(process)

    def _next(self) -> ReadRequest | None:
        with self._changed:
            self._idle += 1
            while not self._tasks and not self._closed:
                self._changed.wait()
            self._idle -= 1
            return None if self._closed else self._tasks.popleft()

    def _do(self, task: ReadRequest, process: WorkerProcess | None) -> WorkerProcess | None:
        """Read a file, with the worker at hand or a new one; the worker for the next file."""
        try:
            with open_file(task.path, max_bytes=task.max_bytes) as file:
                job = ReadJob(file=file, max_bytes=task.max_bytes, select=task.select)
                task.process = process = self._ready(process)
                try:
                    result = process.read(job)
                except WorkerEndedError:
                    if process.files == 1 or self._closed or task.dropped:
                        raise
                    # An earlier file may have broken it: only what ends a new worker is to blame.
                    os.lseek(file.descriptor, 0, os.SEEK_SET)
                    task.process = process = self._ready(process)
                    result = process.read(job)
            task.future.set_result(result)
        except BaseException as error:  # for whoever waits
            task.future.set_exception(error)
        finally:
            task.process = None
            self._unfinished.discard(task)
        return process

    def _ready(self, process: WorkerProcess | None) -> WorkerProcess:
        """The worker, or a new one if it has gone, is spent or has read many files."""
        kept = process is not None and not process.spent and process.files < self._limits.files_per_worker
        if process is not None and kept and process.ready:
            return process
        self._end(process)
        new = WorkerProcess(
            limits=self._limits, pass_descriptors=self._pass_descriptors, decoder=self._decoder
        )
        with self._changed:
            self._processes.add(new)
            self.held.add(new.held)
            closed = self._closed
        if closed:
            self._end(new)
            raise CheckpointError("the reader was closed while it was read.")
        return new

    def _end(self, process: WorkerProcess | None) -> None:
        if process is None:
            return
        process.kill()
        with self._changed:
            self._processes.discard(process)
