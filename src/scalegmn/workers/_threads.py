"""Pieces of work in threads of this process."""

from __future__ import annotations

from typing import final

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.workers._executor import Executor
from scalegmn.workers._work import P, R, Report, Work


def thread_count(workers: int | None, device: torch.device) -> int:
    """Pieces to do at a time: as stated, or PyTorch's number of threads on a CPU, otherwise 1.

    Raises:
        ConfigurationError: not a positive number.
    """
    count = workers if workers is not None else (torch.get_num_threads() if device.type == "cpu" else 1)
    if count < 1:
        raise ConfigurationError(f"workers is {workers}, expected 1 or more")
    return count


@final
class LocalThreads(Executor):
    """Threads of this process; on a CPU PyTorch runs on one core in each, without waiting for the others.

    One piece is too small to be split over cores with profit, least of all when other programs use them too.

    Args:
        count: threads.
        device: where the work happens.
    """

    def __init__(self, *, count: int, device: torch.device) -> None:
        super().__init__()
        self._count = count
        self._alone = device.type == "cpu"
        self._before = torch.get_num_threads()

    @property
    def slots(self) -> int:
        return self._count

    def call(self, work: Work[P, R], piece: P, report: Report) -> R:
        return work.do(piece, report)

    def open(self) -> None:
        self._before = torch.get_num_threads()

    def start_thread(self) -> None:
        if self._alone:
            torch.set_num_threads(1)

    def close(self) -> None:
        if self._alone:
            # The setting of a thread is also what threads to come begin with.
            torch.set_num_threads(self._before)
