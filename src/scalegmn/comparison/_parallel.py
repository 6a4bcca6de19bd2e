"""Long pieces of work side by side, each in a process of its own.

Small models gain little from a second core, so several training runs at a time use a machine better than one
with all cores.  A pool of processes would do but for two things: a process that is killed (for want of
memory, say) breaks the pool with everything in it, and a pool that is interrupted waits for its work.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

import torch

# A training that is asked to stop does so after its step.
_PATIENCE: Final = 20.0


@dataclass(frozen=True)
class ParallelJob:
    """One piece of work.

    Attributes:
        key: names it.
        function: of a module, so that another process finds it; returns None, or a message and details of
            what went wrong.
        arguments: of `function`.
    """

    key: str
    function: Callable[..., tuple[str, str] | None]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class FinishedJob:
    """A job that has ended.

    Attributes:
        key: of the job.
        result: what its function returned; that its process died, if it did.
        seconds: how long it took, the start of the process included.
    """

    key: str
    result: tuple[str, str] | None
    seconds: float


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process that does one job after the other."""

    process: SpawnProcess
    connection: Connection

    @classmethod
    def start(cls, *, threads: int) -> _Worker:
        # Fork would copy locks that threads of this process may hold.
        context = multiprocessing.get_context("spawn")
        own, other = context.Pipe()
        process = context.Process(target=_work, args=(threads, other))
        with _deaf():
            process.start()
        # The connection ends when the process does, whatever ends it.
        other.close()
        return cls(process, own)

    def answer(self) -> tuple[str, str] | None:
        """What the function of its job returned, once there is something to receive.

        Raises:
            EOFError, OSError: the process is dead.
        """
        answer: tuple[str, str] | None = self.connection.recv()
        return answer

    def death(self) -> tuple[str, str]:
        """What to say of a process that is dead."""
        self.stop()
        return (
            f"its process ended with code {self.process.exitcode} and without a word; perhaps it ran out of "
            "memory",
            "",
        )

    def stop(self) -> None:
        """Let it end: at once if it waits for a job, and soon if it was told to stop."""
        self.connection.close()
        try:
            self.process.join(_PATIENCE)
        finally:
            if self.process.is_alive():
                self.process.kill()
                self.process.join()


def run_side_by_side(jobs_to_do: Sequence[ParallelJob], *, jobs: int) -> Generator[FinishedJob, None, None]:
    """Do all jobs, `jobs` at a time; they are returned as they end.

    Each process has its share of the processor cores, and does one job after the other; one that dies is
    replaced.  If the caller is interrupted or stops asking, what is at work is told to stop.
    """
    waiting = deque(jobs_to_do)
    working: dict[Connection, tuple[_Worker, ParallelJob, float]] = {}
    idle: list[_Worker] = []
    threads = max(1, _cores() // min(jobs, max(1, len(waiting))))
    try:
        while waiting or working:
            while waiting and len(working) < jobs:
                began = time.perf_counter()
                worker = idle.pop() if idle else _Worker.start(threads=threads)
                working[worker.connection] = (worker, waiting[0], began)
                worker.connection.send(waiting.popleft())
            ready = wait(list(working))
            for connection in [connection for connection in working if connection in ready]:
                worker, job, began = working[connection]
                try:
                    answer = worker.answer()
                    idle.append(worker)
                except (EOFError, OSError):
                    answer = worker.death()
                del working[connection]
                yield FinishedJob(job.key, answer, time.perf_counter() - began)
            while idle and not waiting:
                idle.pop().stop()
    finally:
        for worker, _, _ in working.values():
            worker.process.terminate()
        for worker in [*idle, *(worker for worker, _, _ in working.values())]:
            worker.stop()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not every system tells which cores a process may use.
        return os.cpu_count() or 1


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started meanwhile do not hear Ctrl-C.

    It reaches all processes of a terminal; the first one decides what becomes of the others.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may decide this; there is no terminal to hear of then.
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(threads: int, connection: Connection) -> None:
    """What the other process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    # Lightning turns the signal to stop into an interruption.
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            job: ParallelJob = connection.recv()
            connection.send(job.function(*job.arguments))


def _end_with_parent() -> None:
    """Terminate remaining worker processes."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "this is a process that another one started"
    parent.join()
    os._exit(1)
