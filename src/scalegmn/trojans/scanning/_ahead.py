"""Reading ahead: while networks are evaluated, the next files are hashed and read.

The order of the files stays, and only so many are held as there are workers, and one more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar, final

from scalegmn.checkpoints import FoundFile
from scalegmn.trojans.scanning._identity import Identity
from scalegmn.trojans.scanning._identity import identify as identify_here
from scalegmn.trojans.scanning._journal import Key

R = TypeVar("R")


@final
@dataclass(frozen=True, eq=False)
class Arrival(Generic[R]):
    """A file whose turn it is.

    Attributes:
        found: the file.
        identity: of its bytes.
        reading: what they hold, or will; None where nobody needed to know.
    """

    found: FoundFile
    identity: Identity
    reading: Future[R] | None


@final
class BackgroundThread:
    """Threads that do things in turn; a context that ends them, without waiting after Ctrl-C.

    Args:
        count: how many threads.
    """

    def __init__(self, count: int = 1) -> None:
        self._thread = ThreadPoolExecutor(count, thread_name_prefix="scalegmn-judge")

    def __enter__(self) -> BackgroundThread:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=error is None, cancel_futures=True)

    def begin(self, work: Callable[[], R]) -> Future[R]:
        """Do it in the background."""
        return self._thread.submit(work)


@final
class ReadAheadQueue(Generic[R]):
    """Threads that read files; a context that ends them.

    Args:
        read: what a file holds; called in threads.
        needed: whether the content with a key has to be read; called in the thread that iterates.
        workers: files that are read at a time.
        max_bytes: of a file; all that are held together have no more, unless it is one.
        identify: reads the bytes of a file; called in threads; by default it is done here.
    """

    def __init__(
        self,
        read: Callable[[FoundFile, Identity], R],
        *,
        needed: Callable[[Key], bool],
        workers: int,
        max_bytes: int,
        identify: Callable[[FoundFile], Identity] | None = None,
    ) -> None:
        self._identify = identify or partial(identify_here, max_bytes=max_bytes)
        self._read, self._needed, self._workers, self._max_bytes = read, needed, workers, max_bytes
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="scalegmn-scan")

    def __enter__(self) -> ReadAheadQueue[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After Ctrl-C nobody waits for what is being read; the reader ends it.
        self._threads.shutdown(wait=False, cancel_futures=True)

    def over(self, files: Iterable[FoundFile]) -> Iterator[Arrival[R]]:
        """Each file in order."""
        coming = iter(files)
        hashed: deque[tuple[FoundFile, Future[Identity]]] = deque()
        ahead: deque[Arrival[R]] = deque()
        while True:
            self._hash(coming, hashed)
            while hashed and len(ahead) <= self._workers:
                found, future = hashed[0]
                if ahead and not future.done():
                    break  # there is something to go on with
                identity = future.result()
                if ahead and identity.size + sum(one.identity.size for one in ahead) > self._max_bytes:
                    break
                hashed.popleft()
                ahead.append(Arrival(found, identity, self._begun(found, identity, ahead)))
                self._hash(coming, hashed)
            if not ahead:
                return
            yield ahead.popleft()

    def reading(self, arrival: Arrival[R]) -> R:
        """What a file holds; read now, if it was not."""
        if arrival.reading is None:
            return self._read(arrival.found, arrival.identity)
        return arrival.reading.result()

    def _hash(self, coming: Iterator[FoundFile], hashed: deque[tuple[FoundFile, Future[Identity]]]) -> None:
        while len(hashed) < 2 * self._workers and (found := next(coming, None)) is not None:
            hashed.append((found, self._threads.submit(self._identify, found)))

    def _begun(self, found: FoundFile, identity: Identity, ahead: Iterable[Arrival[R]]) -> Future[R] | None:
        if identity.problem is not None or not self._needed(identity.key):
            return None
        for other in ahead:
            if other.identity.key == identity.key and other.reading is not None:
                return other.reading
        return self._threads.submit(self._read, found, identity)
