"""Working through the files of a collection with several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar, final

import torch

from scalegmn.collections._collection import CollectionFile
from scalegmn.errors import ConfigurationError
from scalegmn.workers import Report, Work, open_executor, require_folder

Result = TypeVar("Result")
Reading = Callable[[Sequence[CollectionFile]], Result]

# Starting a process means importing PyTorch, which takes as long as reading about this many small files.
_WORTH_A_PROCESS: Final = 4000
# Files that are handed to a process at once.
_PORTION: Final = 64


@final
@dataclass(frozen=True)
class PortionWork(Work[Sequence[CollectionFile], Result], Generic[Result]):
    """What is done with portions of the files of a folder.

    Attributes:
        source: the folder.
        reading: what to do with a portion.
    """

    source: Path
    reading: Reading[Result]

    def do(self, piece: Sequence[CollectionFile], report: Report) -> Result:
        require_folder(self.source)
        return self.reading(piece)

    def size(self, piece: Sequence[CollectionFile]) -> float:
        return float(len(piece))


@contextmanager
def file_workers(
    work: Reading[Result], *, source: Path, files: int, workers: int | None, cluster: str | None = None
) -> Iterator[Callable[[Sequence[CollectionFile]], Iterator[Result]]]:
    """A function that calls `work` on portions of many entries and gives its results in their order.

    Reading a checkpoint is mostly Python, so threads would wait for each other; processes do not.

    Args:
        work: what to do; must be picklable, as must its results.
        source: the folder that all files are in.
        files: how many there are in all.
        workers: processes; by default as many as there are cores, or none for a few thousand files.
        cluster: address of a Ray cluster that does it, whose machines see the folder.

    Raises:
        ConfigurationError: `workers` is not positive.
    """
    if workers is not None and workers < 1:
        raise ConfigurationError(f"workers is {workers}, expected 1 or more")
    if cluster is not None:
        portion_work = PortionWork(source, work)
        with open_executor(cluster=cluster, workers=workers) as executor:
            # A portion is a group of its own, so that its result comes as soon as it is there.
            yield lambda entries: (
                result
                for (result,) in executor.run(portion_work, ([portion] for portion in portions(entries)))
            )
        return
    count = workers or max(1, min(os.cpu_count() or 1, files // _WORTH_A_PROCESS))
    if count == 1:
        yield lambda entries: map(work, portions(entries))
        return
    # Fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_one_thread) as pool:
        try:
            yield lambda entries: pool.map(work, portions(entries))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def portions(entries: Sequence[CollectionFile]) -> list[Sequence[CollectionFile]]:
    """The entries, so many at a time as are handed over at once."""
    return [entries[i : i + _PORTION] for i in range(0, len(entries), _PORTION)]


def _one_thread() -> None:
    torch.set_num_threads(1)
