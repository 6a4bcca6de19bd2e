"""Workers are kept, replaced, and never left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scalegmn.checkpoints import FileContents
from scalegmn.checkpoints.worker import Reader, ReadLimits
from scalegmn.errors import CheckpointError
from tests.checkpoints.worker.conftest import Begin, Write, entry

MAX_BYTES = 2**20


def children() -> set[int]:
    """Numbers of all processes that this one has started and not yet taken leave of."""
    own = str(os.getpid())
    found = set()
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                state = (one / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if state[1] == own:
                found.add(int(one.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(begin: Begin) -> Iterator[None]:
    begin("decoding")
    before = children(), len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert (children(), len(os.listdir("/proc/self/fd"))) == before


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


@pytest.mark.slow
def test_nothing_is_started_before_it_is_needed_and_workers_are_kept(write: Write) -> None:
    before = children()
    with Reader(workers=4) as reader:
        assert children() == before
        reader.read(write(b"values"), max_bytes=MAX_BYTES)
        started = children() - before
        assert len(started) == 1
        for _ in range(3):
            reader.read(write(b"values"), max_bytes=MAX_BYTES)
        assert children() - before == started


@pytest.mark.slow
def test_order_and_errors_of_many(write: Write, tmp_path: Path) -> None:
    contents = [b"length %d" % index for index in range(20)]
    contents[3], contents[11] = b"refuse", b"segfault"
    paths = [*(write(content) for content in contents), tmp_path / "absent"]
    with Reader(workers=2) as reader:
        found = list(reader.read_many(iter(paths), max_bytes=MAX_BYTES))
    for index, result in enumerate(found):
        if index in (3, 11, 20):
            assert isinstance(result, CheckpointError) and str(result).startswith(f"{paths[index]}: ")
        else:
            assert isinstance(result, FileContents) and result.size == len(contents[index])


@pytest.mark.slow
def test_few_files_are_read_ahead(write: Write) -> None:
    paths = [write(b"length" + b" " * 400_000) for _ in range(8)]
    taken = []

    def coming() -> Iterator[Path]:
        for path in paths:
            taken.append(path)
            yield path

    with Reader(workers=2) as reader:
        many = reader.read_many(coming(), max_bytes=MAX_BYTES)
        next(many)
        # Two fit in the bytes allowed, and one more was asked for its size.
        assert len(taken) == 3
        many.close()
        taken.clear()
        many = reader.read_many(coming(), max_bytes=2**30)
        next(many)
        # One more than there are workers, and one to come.
        assert len(taken) == 4
        many.close()


@pytest.mark.slow
def test_worker_is_replaced_after_some_files(write: Write) -> None:
    before = children()
    with Reader(workers=1, limits=ReadLimits(files_per_worker=2)) as reader:
        seen = set()
        for _ in range(4):
            reader.read(write(b"values"), max_bytes=MAX_BYTES)
            seen |= children() - before
            assert len(children() - before) == 1
        assert len(seen) == 2


@pytest.mark.slow
def test_file_is_not_blamed_for_the_one_before(write: Write) -> None:
    with Reader(workers=1) as reader:
        reader.read(write(b"second_kills"), max_bytes=MAX_BYTES)
        # The worker ends while it is idle or while it sleeps over this file: the file gets another one.
        with pytest.raises(CheckpointError, match="took more than"):
            Reader(workers=1, limits=ReadLimits(seconds=0.1)).read(write(b"sleep"), max_bytes=MAX_BYTES)
        time.sleep(0.05)
        assert reader.read(write(b"values"), max_bytes=MAX_BYTES).size == 6


@pytest.mark.slow
def test_file_is_read_again_when_a_used_worker_ends(write: Write) -> None:
    before = children()
    outcome: list[object] = []
    with Reader(workers=1, limits=ReadLimits(seconds=1.0)) as reader:
        reader.read(write(b"values"), max_bytes=MAX_BYTES)
        (worker,) = children() - before

        def read() -> None:
            try:
                outcome.append(reader.read(path, max_bytes=MAX_BYTES))
            except CheckpointError as error:
                outcome.append(str(error))

        path = write(b"sleep")
        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.1)
        os.kill(worker, signal.SIGKILL)
        assert eventually(lambda: len(children() - before - {worker}) == 1)
        thread.join()
    # The second worker has slept until the clock ran out: the end of the first was not the file's.
    assert "took more than" in str(outcome[0])


@pytest.mark.slow
def test_worker_that_ended_while_idle_is_replaced(write: Write) -> None:
    before = children()
    with Reader(workers=1) as reader:
        reader.read(write(b"values"), max_bytes=MAX_BYTES)
        (worker,) = children() - before
        os.kill(worker, signal.SIGKILL)
        assert reader.read(write(b"values"), max_bytes=MAX_BYTES).size == 6


@pytest.mark.slow
def test_chatter_never_stops_a_worker(write: Write) -> None:
    with Reader(workers=1, limits=ReadLimits(seconds=5.0)) as reader:
        for _ in range(4):
            reader.read(write(b"chatter"), max_bytes=MAX_BYTES)


@pytest.mark.slow
def test_several_threads(write: Write) -> None:
    paths = [write(b"length %d" % index) for index in range(24)]
    sizes: dict[Path, int] = {}
    with Reader(workers=2) as reader:

        def read(mine: list[Path]) -> None:
            for path in mine:
                sizes[path] = reader.read(path, max_bytes=MAX_BYTES).size

        threads = [threading.Thread(target=read, args=(paths[start::6],)) for start in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sizes == {path: path.stat().st_size for path in paths}


def test_closing_ends_what_is_read(write: Write) -> None:
    reader = Reader(workers=1)
    many = reader.read_many([write(b"sleep"), write(b"values")], max_bytes=MAX_BYTES)
    timer = threading.Timer(0.3, reader.close)
    timer.start()
    start = time.monotonic()
    first, second = many
    assert isinstance(first, CheckpointError) and isinstance(second, CheckpointError)
    assert time.monotonic() - start < 10
    timer.join()
    with pytest.raises(CheckpointError, match="reader is closed"):
        reader.read(write(b"values"), max_bytes=MAX_BYTES)


@pytest.mark.slow
def test_forgotten_reader_leaves_nothing(write: Write) -> None:
    before = children()
    Reader(workers=1).read(write(b"values"), max_bytes=MAX_BYTES)
    gc.collect()
    assert eventually(lambda: children() == before)


@pytest.mark.slow
def test_forked_process_has_workers_of_its_own(write: Write) -> None:
    path = write(b"values")
    with Reader(workers=1) as reader:
        reader.read(path, max_bytes=MAX_BYTES)
        many = reader.read_many([path, path], max_bytes=MAX_BYTES)
        next(many)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with reader:
                    right = reader.read(path, max_bytes=MAX_BYTES).size == 6
                code = 0 if right else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        # The fork has left the workers of this process alone.
        assert reader.read(path, max_bytes=MAX_BYTES).size == 6
        many.close()


PROGRAM = """
import signal, sys
from scalegmn.checkpoints.worker import Reader, _launching as launching
launching.ENTRY = {entry!r}
signal.signal(signal.SIGINT, signal.default_int_handler)
reader = Reader(workers=1)
reader.read(sys.argv[1], max_bytes=2**20)
print("reading", flush=True)
try:
    reader.read(sys.argv[2], max_bytes=2**20)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    import os, pathlib, time
    time.sleep(0.2)
    own = str(os.getpid())
    stats = [p.read_text().rpartition(")")[2].split() for p in pathlib.Path("/proc").glob("[0-9]*/stat")]
    print(sum(s[1] == own for s in stats), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_program_that_is_ended_leaves_nothing(write: Write, blow: signal.Signals) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(entry=entry("decoding")), write(b"values"), write(b"spin")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    with program.stdout as output:
        assert output.readline() == "reading\n"
        time.sleep(0.1)
        listed = Path(f"/proc/{program.pid}/task").glob("*/children")
        workers = [int(number) for one in listed for number in one.read_text().split()]
        assert len(workers) == 1
        program.send_signal(blow)
        if blow == signal.SIGINT:
            assert output.readline() == "interrupted\n" and output.readline() == "0\n"
        program.wait(10)
    assert eventually(lambda: not Path(f"/proc/{workers[0]}").exists())
