"""Pieces of work side by side, wherever they are done."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Final, Generic, TypeVar, final

from scalegmn.workers._work import P, R, Report, Work

E = TypeVar("E", bound="Executor")
Advance = Callable[[float], None]
"""Is told how much was done since the last call."""

# Pieces of later groups that are begun while an earlier one is not complete, for each that is done at a time.
_AHEAD: Final = 4


def _nobody(amount: float) -> None:
    """Nobody is told how much was done."""


class Executor(ABC):
    """Does pieces of work, several at a time; a context manager.

    A thread of this process waits for each piece.  So what differs between executors is :meth:`call` alone.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._closed = threading.Event()

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
        self._closed = threading.Event()
        self.open()
        self._threads = ThreadPoolExecutor(self.slots, initializer=self.start_thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        try:
            if self._threads is not None:
                self._threads.shutdown(cancel_futures=True)
        finally:
            self.close()

    def run(
        self, work: Work[P, R], groups: Iterable[Sequence[P]], *, advance: Advance | None = None
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
        waiting: deque[list[Future[R]]] = deque()
        with self._begun(work, advance or _nobody) as begun:
            for group in groups:
                waiting.append([begun.submit(piece) for piece in group])
                while sum(map(len, waiting)) - len(waiting[0]) >= _AHEAD * self.slots:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]

    def each(self, work: Work[P, R], pieces: Sequence[P]) -> Generator[tuple[P, Future[R]], None, None]:
        """Every piece as soon as it is done, with a future that has its result or its error.

        Args:
            work: that all pieces belong to.
            pieces: what to do; an error of one does not keep the others from being done.
        """
        with self._begun(work) as begun:
            futures = {begun.submit(piece): piece for piece in pieces}
            for future in as_completed(futures):
                yield futures[future], future

    def do(self, work: Work[P, R], piece: P) -> R:
        """Do one piece and wait for it; from several threads, pieces are done side by side.

        Raises:
            InterruptedError: the executor was closed meanwhile.
        """
        with self._begun(work) as begun:
            return begun.do(piece)

    def _begun(self, work: Work[P, R], advance: Advance = _nobody) -> _Begun[P, R]:
        assert self._threads is not None, "an executor is used as a context manager"
        return _Begun(self, work, advance, threads=self._threads, closed=self._closed)


@final
class _Begun(Generic[P, R]):
    """A work whose pieces are done until it is left, or its executor is closed; a context manager.

    Args:
        executor: does the pieces.
        work: that they belong to.
        advance: is told how much was done since the last call.
        threads: wait for pieces.
        closed: is set when the executor is closed.
    """

    def __init__(
        self,
        executor: Executor,
        work: Work[P, R],
        advance: Advance,
        *,
        threads: ThreadPoolExecutor,
        closed: threading.Event,
    ) -> None:
        self._executor, self._work, self._advance, self._threads = executor, work, advance, threads
        self._closed, self._left = closed, threading.Event()

    def __enter__(self) -> _Begun[P, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()

    def submit(self, piece: P) -> Future[R]:
        """Have a thread do a piece; one whose turn comes too late ends at once."""
        return self._threads.submit(self.do, piece)

    def do(self, piece: P) -> R:
        """Do a piece in this thread.

        Raises:
            InterruptedError: the work was left, or the executor closed.
        """
        size = self._work.size(piece)

        def report(part: float) -> None:
            self._check()
            self._advance(size * part)

        self._check()
        return self._executor.call(self._work, piece, report)

    def _check(self) -> None:
        if self._left.is_set() or self._closed.is_set():
            raise InterruptedError("the work was stopped")
