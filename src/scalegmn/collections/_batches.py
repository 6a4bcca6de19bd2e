"""Working through the files of a collection with several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import torch

from scalegmn.collections._collection import CollectionFile
from scalegmn.errors import ConfigurationError

Result = TypeVar("Result")
Work = Callable[[Sequence[CollectionFile]], Result]

# Starting a process means importing PyTorch, which takes as long as reading about this many small files.
_WORTH_A_PROCESS: Final = 4000
# Files that are handed to a process at once.
_PORTION: Final = 64


@contextmanager
def file_workers(
    work: Work[Result], *, files: int, workers: int | None
) -> Iterator[Callable[[Sequence[CollectionFile]], Iterator[Result]]]:
    """A function that calls `work` on portions of many entries and gives its results in their order.

    Reading a checkpoint is mostly Python, so threads would wait for each other; processes do not.

    Args:
        work: what to do; must be picklable, as must its results.
        files: how many there are in all.
        workers: processes; by default as many as there are cores, or none for a few thousand files.

    Raises:
        ConfigurationError: `workers` is not positive.
    """
    if workers is not None and workers < 1:
        raise ConfigurationError(f"workers is {workers}, expected 1 or more")
    count = workers or max(1, min(os.cpu_count() or 1, files // _WORTH_A_PROCESS))
    if count == 1:
        yield lambda entries: map(work, _portions(entries))
        return
    # Fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_one_thread) as pool:
        try:
            yield lambda entries: pool.map(work, _portions(entries))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _portions(entries: Sequence[CollectionFile]) -> list[Sequence[CollectionFile]]:
    return [entries[i : i + _PORTION] for i in range(0, len(entries), _PORTION)]


def _one_thread() -> None:
    torch.set_num_threads(1)
