from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.workers import LocalThreads, Report, Work, open_executor

from .work_cases import Square, Threads


def test_results_come_in_the_order_of_groups_and_pieces() -> None:
    told: list[float] = []
    with open_executor(workers=3) as executor:
        found = list(executor.run(Square(), [[3, 1], [], [2], [5, 4]], advance=told.append))
    assert found == [[9, 1], [], [4], [25, 16]] and sum(told) == 10


def test_groups_are_asked_for_when_their_time_comes() -> None:
    asked: list[int] = []

    def groups() -> Iterator[list[int]]:
        for number in range(100):
            asked.append(number)
            yield [number]

    with open_executor(workers=1) as executor:
        results = executor.run(Square(), groups())
        assert next(results) == [0] and len(asked) < 10


def test_an_error_comes_when_its_piece_has_its_turn() -> None:
    with open_executor(workers=2) as executor:
        results = executor.run(Square(), [[1], [13], [2]])
        assert next(results) == [1]
        with pytest.raises(PopulationError, match="unlucky"):
            next(results)


def test_each_thread_has_one_core_and_the_setting_comes_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with open_executor(workers=2) as executor:
            assert [count for ((count, _),) in executor.run(Threads(), [[0]] * 4)] == [1] * 4
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_work_of_a_device_keeps_its_threads() -> None:
    executor = LocalThreads(count=1, device=torch.device("meta"))
    before = torch.get_num_threads()
    with executor:
        assert next(executor.run(Threads(), [[0]]))[0][0] == before


class Endless(Work[int, int]):
    """Goes on until it is stopped."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def do(self, piece: int, report: Report) -> int:
        self.began.set()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            report(0.0)
            time.sleep(0.001)
        return piece

    def size(self, piece: int) -> float:
        return 1


def test_an_interruption_stops_what_is_at_work() -> None:
    work = Endless()
    with ThreadPoolExecutor(1) as side:
        with pytest.raises(KeyboardInterrupt), open_executor(workers=1) as executor:
            future = side.submit(executor.do, work, 1)
            assert work.began.wait(10)
            raise KeyboardInterrupt
        with pytest.raises(InterruptedError, match="was stopped"):
            future.result()


class Waiting(Work[int, int]):
    """Takes down what is begun; piece 1 waits."""

    def __init__(self) -> None:
        self.pieces: list[int] = []
        self.waits, self.goes_on = threading.Event(), threading.Event()

    def do(self, piece: int, report: Report) -> int:
        self.pieces.append(piece)
        if piece == 1:
            self.waits.set()
            assert self.goes_on.wait(10)
        return piece

    def size(self, piece: int) -> float:
        return 1


def test_who_leaves_the_results_begins_nothing_more() -> None:
    work = Waiting()
    with open_executor(workers=1) as executor:
        results = executor.run(work, [[n] for n in range(20)])
        assert next(results) == [0] and work.waits.wait(10)
        results.close()
        work.goes_on.set()
        assert list(executor.run(work, [[50]])) == [[50]], "the executor goes on"
    assert work.pieces == [0, 1, 50]


def test_an_executor_is_opened_again() -> None:
    executor = open_executor(workers=1)
    for _ in range(2):
        with executor:
            assert list(executor.run(Square(), [[2]])) == [[4]] and executor.do(Square(), 3) == 9


def test_no_workers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="workers is 0, expected 1 or more"):
        open_executor(workers=0)
