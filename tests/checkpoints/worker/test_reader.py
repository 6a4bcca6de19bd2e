"""One file costs one error, whatever it does to its reader."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scalegmn.checkpoints import Contents, Opaque, RawTensor
from scalegmn.checkpoints.worker import Reader, ReadLimits
from scalegmn.checkpoints.worker import _launching as launching
from scalegmn.errors import CheckpointError, ConfigurationError, UnsafeCheckpointError
from tests.checkpoints.worker.conftest import Begin, Write, entry

MAX_BYTES = 2**20


@pytest.fixture(scope="module")
def inline_reader() -> Iterator[Reader]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launching, "ENTRY", entry("decoding"))
        with Reader(workers=1, limits=ReadLimits(spare_memory=2**26), pass_descriptors=False) as made:
            yield made


@pytest.fixture(params=[True, False], ids=["descriptor", "inline"])
def reader(request: pytest.FixtureRequest, shared_reader: Reader, inline_reader: Reader) -> Reader:
    """The two ways to give a worker a file."""
    return shared_reader if request.param else inline_reader


def error_of(reader: Reader, path: Path, *, max_bytes: int = MAX_BYTES) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        reader.read(path, max_bytes=max_bytes)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.isprintable() and len(message) <= 500
    return caught.value


def test_contents_arrive(reader: Reader, write: Write) -> None:
    path = write(b"values")
    found = reader.read(path, max_bytes=MAX_BYTES)
    assert (found.sha256, found.size) == (hashlib.sha256(b"values").hexdigest(), 6)
    contents = found.contents
    assert (contents.format, contents.notes) == ("torch_legacy", ("a note", "another"))
    assert found.sent == {0, 1, 2, 3}
    tensors = [entry.value for entry in contents.entries[:4]]
    assert all(isinstance(tensor, RawTensor) for tensor in tensors)
    data = [bytes(tensor.data) for tensor in tensors if isinstance(tensor, RawTensor)]
    assert data == [np.arange(6, dtype="<f4").tobytes(), b"abcdef", b"", b"\x01"]
    assert contents.entries[4].value == Opaque("argparse.Namespace", called=True, numbers=False)
    assert contents.entries[2].path == ("key", 2) and contents.entries[2].attributes == ("T", "T")
    assert repr([entry.value for entry in contents.entries[6:15]]) == repr(
        [True, 7, -(2**63), "text \ud800\n", 0.1, float("nan"), float("-inf"), -0.0, 5e-324]
    )


def test_only_selected_tensors_are_sent(reader: Reader, write: Write) -> None:
    seen: list[Contents] = []

    def select(contents: Contents) -> list[int]:
        seen.append(contents)
        return [3, 0, 3]

    found = reader.read(write(b"values"), max_bytes=MAX_BYTES, select=select)
    assert found.sent == {0, 3} and seen[0].format == "torch_legacy"
    values = [entry.value for entry in found.contents.entries[:4]]
    assert [len(memoryview(value.data).cast("B")) for value in values if isinstance(value, RawTensor)] == [
        24,
        0,
        0,
        1,
    ]
    none = reader.read(write(b"values"), max_bytes=MAX_BYTES, select=lambda _: ())
    assert none.sent == frozenset()


def test_mistake_of_a_selection_is_the_callers(reader: Reader, write: Write) -> None:
    def refuse(contents: Contents) -> list[int]:
        raise CheckpointError("no network")

    with pytest.raises(ValueError, match="are no tensors") as caught:
        reader.read(write(b"values"), max_bytes=MAX_BYTES, select=lambda _: [6])
    assert not isinstance(caught.value, CheckpointError)
    with pytest.raises(CheckpointError, match="file2: no network"):
        reader.read(write(b"values"), max_bytes=MAX_BYTES, select=refuse)
    assert reader.read(write(b"length"), max_bytes=MAX_BYTES).contents.format == "safetensors"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"refuse", "it is damaged"),
        (b"fault", "KeyError: 'a fault'"),
        (b"deep", "nested too deeply"),
        (b"segfault", "ended by SIGSEGV"),
        (b"exit", r"ended by exit code 3; it said last \x1b words"),
        (b"short", "has 8 bytes; expected 16"),
        (b"long_name", "more than 65,536 characters"),
        (b"many", "262,145 entries"),
        (b"big 2000000", "2,000,000 bytes, which is more than max_bytes=1,048,576"),
        (b"bomb", "more memory than its reader may use with max_bytes=1,048,576"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_fault_of_a_file_is_one_error(
    shared_reader: Reader, write: Write, content: bytes, reason: str
) -> None:
    reason_found = str(error_of(shared_reader, write(content)))
    assert reason in reason_found
    assert shared_reader.read(write(b"values"), max_bytes=MAX_BYTES).size == 6


def test_unsafe_file_is_told_apart(reader: Reader, write: Write) -> None:
    assert isinstance(error_of(reader, write(b"unsafe")), UnsafeCheckpointError)


@pytest.mark.parametrize("content", [b"sleep", b"spin"])
def test_endless_file_is_ended(begin: Begin, write: Write, content: bytes) -> None:
    begin("decoding")
    with Reader(workers=1, limits=ReadLimits(seconds=0.2)) as reader:
        assert "took more than 0 seconds" in str(error_of(reader, write(content)))
        assert reader.read(write(b"values"), max_bytes=MAX_BYTES).size == 6


@pytest.mark.slow
def test_processor_time_is_limited_for_each_file(begin: Begin, write: Write) -> None:
    begin("decoding")
    with Reader(workers=1, limits=ReadLimits(seconds=20.0, processor_seconds=0.01)) as reader:
        assert "seconds of processor time" in str(error_of(reader, write(b"spin")))


def test_memory_is_watched_where_the_system_does_not_limit_it(
    begin: Begin, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin("decoding")
    monkeypatch.setattr("scalegmn.checkpoints.worker._process.MEMORY", "no limit")
    limits = ReadLimits(seconds=20.0, spare_memory=2**25)
    with Reader(workers=1, limits=limits) as reader:
        assert "more memory than its reader may use" in str(error_of(reader, write(b"unlimited_bomb")))


def test_size_is_checked_before_anything_is_read(begin: Begin, tmp_path: Path) -> None:
    begin("failing")  # a worker that were started would be another error
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)
    with Reader(workers=1) as reader:
        assert "5,368,709,120 bytes, which is more than" in str(error_of(reader, path))


def test_large_file_comes_whole(reader: Reader, write: Write) -> None:
    content = b"length " + os.urandom(3_000_000)
    found = reader.read(write(content), max_bytes=2**23)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.contents.entries[0].value == len(content)
    ones = reader.read(write(b"big 3000000"), max_bytes=2**23).contents.entries[0].value
    assert isinstance(ones, RawTensor) and bytes(ones.data) == b"\x01" * 3_000_000


@pytest.mark.parametrize("size", [10, 2_000_000])
@pytest.mark.parametrize("change", [-5, 5])
def test_file_that_changes_is_an_error(
    reader: Reader, write: Write, monkeypatch: pytest.MonkeyPatch, size: int, change: int
) -> None:
    """It changes between the look at its size and the reading."""
    from scalegmn.checkpoints.worker import _process as process

    path = write(b"x" * size)
    ask = process.WorkerProcess._ask

    def late(self: process.WorkerProcess, job: process.ReadJob) -> None:
        os.truncate(path, size + change)
        ask(self, job)

    monkeypatch.setattr(process.WorkerProcess, "_ask", late)
    assert f"changed while it was read: it had {size:,} bytes" in str(error_of(reader, path, max_bytes=2**22))
    monkeypatch.undo()


def test_workers_that_cannot_start_are_said(begin: Begin, write: Write) -> None:
    for name, reason in (
        ("failing", "no such library"),
        ("babbling", "a frame of 18,446,744,073,709,551,615 bytes"),
    ):
        begin(name)
        with Reader(workers=1) as reader:
            message = str(error_of(reader, write(b"values")))
            assert "did not start" in message and reason in message
    begin("mute")
    with Reader(workers=1, limits=ReadLimits(start_seconds=0.1)) as reader:
        assert "did not start (the time ran out" in str(error_of(reader, write(b"values")))


def test_limits_have_to_be_positive() -> None:
    with pytest.raises(ConfigurationError, match=r"seconds=0\.0"):
        ReadLimits(seconds=0.0)
    with pytest.raises(ConfigurationError, match="start_seconds=nan"):
        ReadLimits(start_seconds=float("nan"))
    with pytest.raises(ConfigurationError, match="workers=0"):
        Reader(workers=0)
