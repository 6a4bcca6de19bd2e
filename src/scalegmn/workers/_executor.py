"""Pieces of work side by side, wherever they are done."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Final, TypeVar

from scalegmn.workers._work import P, R, Report, Work

E = TypeVar("E", bound="Executor")

# Pieces of later groups that are begun while an earlier one is not complete, for each that is done at a time.
_AHEAD: Final = 4


class Executor(ABC):
    """Does pieces of work, several at a time; a context manager.

    A thread of this process waits for each piece.  So what differs between executors is :meth:`call` alone.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._closing = threading.Event()
        self._stops = [self._closing]

    @property
    @abstractmethod
    def slots(self) -> int:
        """Pieces that are done at a time."""

    @abstractmethod
    def call(self, work: Work[P, R], piece: P, report: Report) -> R:
        """Do one piece, and wait for it; may be called from several threads.

        Args:
            work: that the piece belongs to.
            piece: what to do.
            report: is told what part of the piece was done since the last call, and may raise.
        """

    @abstractmethod
    def open(self) -> None:
        """Get ready."""

    @abstractmethod
    def start_thread(self) -> None:
        """Set up a thread that waits for pieces."""

    @abstractmethod
    def close(self) -> None:
        """Give back what :meth:`open` took."""

    def __enter__(self: E) -> E:
        self.open()
        self._threads = ThreadPoolExecutor(self.slots, initializer=self.start_thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stop in self._stops:
            stop.set()
        try:
            if self._threads is not None:
                self._threads.shutdown(cancel_futures=True)
        finally:
            self.close()

    def run(
        self,
        work: Work[P, R],
        groups: Iterable[Sequence[P]],
        *,
        advance: Callable[[float], None] | None = None,
    ) -> Generator[list[R], None, None]:
        """The results of each group of pieces, in the order of the groups and of their pieces.

        While a group is not complete, the next ones are begun, so that nobody waits for the last piece of a
        group.  An error ends the work, when it is the turn of the piece that raised it.

        Args:
            work: that all pieces belong to.
            groups: such as the pieces of each shard; asked for when their time comes.
            advance: is told how much was done since the last call, by the sizes of the pieces; called from
                several threads.
        """
        assert self._threads is not None, "an executor is used as a context manager"
        waiting: deque[list[Future[R]]] = deque()
        stop = threading.Event()
        self._stops.append(stop)

        def do(piece: P) -> R:
            return self._do(work, advance or _nobody, stop, piece)

        try:
            for group in groups:
                waiting.append([self._threads.submit(do, piece) for piece in group])
                while sum(map(len, waiting)) - len(waiting[0]) >= _AHEAD * self.slots:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            stop.set()
            for future in (future for group in waiting for future in group):
                future.cancel()

    def do(self, work: Work[P, R], piece: P) -> R:
        """Do one piece and wait for it; from several threads, pieces are done side by side.

        Raises:
            InterruptedError: the executor was closed meanwhile.
        """
        return self._do(work, _nobody, self._closing, piece)

    def each(self, work: Work[P, R], pieces: Sequence[P]) -> Generator[tuple[P, Future[R]], None, None]:
        """Every piece as soon as it is done, with a future that has its result or its error.

        Args:
            work: that all pieces belong to.
            pieces: what to do; an error of one does not keep the others from being done.
        """
        assert self._threads is not None, "an executor is used as a context manager"
        stop = threading.Event()
        self._stops.append(stop)
        futures = {
            self._threads.submit(self._do, work, _nobody, stop, piece): place
            for place, piece in enumerate(pieces)
        }
        try:
            for future in as_completed(futures):
                yield pieces[futures[future]], future
        finally:
            stop.set()
            for future in futures:
                future.cancel()

    def _do(self, work: Work[P, R], advance: Callable[[float], None], stop: threading.Event, piece: P) -> R:
        size = work.size(piece)

        def report(part: float) -> None:
            if stop.is_set():
                raise InterruptedError("the work was stopped")
            advance(size * part)

        return self.call(work, piece, report)


def _nobody(amount: float) -> None:
    """Nobody is told how much was done."""
