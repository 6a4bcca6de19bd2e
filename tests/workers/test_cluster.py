"""A cluster of one machine, in one process of pytest; what needs two machines is in test_two_machines.py."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scalegmn.errors import ClusterError, ConfigurationError, PopulationError
from scalegmn.workers import Executor, _cluster, _pace, _processors, open_executor
from scalegmn.workers._orders import Orders

from .work_cases import Mortal, Slow, Square, Threads

# Warnings are those of Ray, which are not this library's to mend.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    before = signal.getsignal(signal.SIGTERM)
    with open_executor(cluster="local", workers=2) as opened:
        assert signal.getsignal(signal.SIGTERM) is before
        yield opened


def test_results_come_in_the_order_of_groups_and_pieces(executor: Executor) -> None:
    told: list[float] = []
    found = list(executor.run(Square(), [[3, 1], [], [2], [5, 4]], advance=told.append))
    assert found == [[9, 1], [], [4], [25, 16]] and sum(told) == 10
    assert [count for ((count, _),) in executor.run(Threads(), [[0]] * 4)] == [1] * 4


def test_an_error_is_raised_here_and_the_cluster_goes_on(executor: Executor) -> None:
    with pytest.raises(PopulationError, match=r"^13 is unlucky$"):
        list(executor.run(Square(), [[1, 13, 2]]))
    assert list(executor.run(Square(), [[1]])) == [[1]]


def test_a_piece_whose_process_dies_is_begun_anew(
    executor: Executor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(executor.run(Mortal(tmp_path), [[0, 1, 2]])) == [[0, 1, 2]]
    assert (tmp_path / "died").exists()
    assert capfd.readouterr().out == ""


def test_a_piece_that_kills_every_process_is_one_sentence(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClusterError, match="a piece of work was lost 4 times") as caught:
        list(executor.run(Mortal(tmp_path, always=True), [[0]]))
    assert "\n" not in str(caught.value)


def test_a_piece_that_takes_too_long_is_done_twice(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pace, "_LATE_SECONDS", 0.5)
    assert list(executor.run(Slow(tmp_path, seconds=30), [range(8)])) == [list(range(8))]


def test_a_cluster_without_machines_is_given_up(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_processors, "_WATCH", 0.0)
    monkeypatch.setattr(_processors, "_DESERTED", -1.0)
    monkeypatch.setattr(_cluster, "_LOOK", 0.1)
    monkeypatch.setattr(executor._processors, "unit", "unobtainable")  # type: ignore[attr-defined]
    with pytest.raises(ClusterError, match="has had no machine for work for"):
        list(executor.run(Slow(tmp_path, seconds=2), [[0]]))


def test_a_worker_without_the_device_says_so(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_orders", Orders(torch.device("cuda:97")))
    with pytest.raises(ClusterError, match=r"the worker [\d.]+: device 'cuda:97' cannot be used"):
        list(executor.run(Square(), [[1]]))


def test_a_device_that_no_machine_has_is_one_sentence(executor: Executor) -> None:
    with (
        pytest.raises(ConfigurationError, match="the cluster has no GPU"),
        open_executor(cluster="local", device=torch.device("cuda")),
    ):
        pass
    assert list(executor.run(Square(), [[1]])) == [[1]], "whoever did not connect does not disconnect"
