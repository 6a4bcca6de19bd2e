from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from scalegmn.comparison._parallel import ParallelJob, run_side_by_side
from tests.comparison import jobs

pytestmark = pytest.mark.slow


def lives(pid: int) -> bool:
    """Whether a process is there and at work, not dead and waiting to be noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int, *, patience: float = 30.0) -> bool:
    end = time.monotonic() + patience
    while lives(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not lives(pid)


def test_all_are_done_and_one_that_dies_takes_nothing_with_it(tmp_path: Path) -> None:
    work = [ParallelJob(name, jobs.note, (tmp_path, name)) for name in ("a", "b")]
    work += [
        ParallelJob("dies", jobs.die, ()),
        *(ParallelJob(name, jobs.note, (tmp_path, name)) for name in ("c", "d")),
    ]
    ended = {end.key: end for end in run_side_by_side(work, jobs=2)}
    assert set(ended) == {"a", "b", "dies", "c", "d"}
    assert [ended[name].result for name in ("a", "c", "d")] == [None] * 3
    assert ended["b"].result == ("no", "details")
    assert ended["dies"].result is not None
    assert "ended with code -9 and without a word" in ended["dies"].result[0]
    pids, threads = zip(*((tmp_path / name).read_text().split() for name in "abcd"), strict=True)
    # Two processes, and one in the place of the one that died.
    assert 1 < len(set(pids)) <= 3
    assert str(os.getpid()) not in pids
    assert {int(count) for count in threads} == {max(1, len(os.sched_getaffinity(0)) // 2)}
    assert all(gone(int(pid)) for pid in pids)


def test_an_interruption_stops_what_is_at_work(tmp_path: Path) -> None:
    def interrupt() -> None:
        # The file is there a moment before its number is.
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(run_side_by_side([ParallelJob("linger", jobs.linger, (tmp_path,))], jobs=2))
    assert not lives(int((tmp_path / "pid").read_text()))
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_outlives_the_process_that_waits_for_it(tmp_path: Path) -> None:
    (end,) = run_side_by_side([ParallelJob("lead", jobs.lead, (tmp_path,))], jobs=1)
    assert end.result is not None
    assert "code -9" in end.result[0]
    assert gone(int((tmp_path / "pid").read_text()))
