"""Mutated files of all formats: only errors of the library, and never another reading than the usual one.

`benchmarks/fuzz_reader.py` makes the files; it is run by hand with many more.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import time
from pathlib import Path
from types import ModuleType

import pytest

from scalegmn.checkpoints import Contents, decode
from scalegmn.errors import CheckpointError

ROOT = Path(__file__).parents[2]


def module(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    patch.syspath_prepend(str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("fuzz_reader", monkeypatch)


@pytest.mark.slow
def test_mutated_files_are_errors_of_the_library(fuzz: ModuleType) -> None:
    outcome = fuzz.read_here(files=600, seed=1)
    assert outcome.failures == []
    # Many are refused in many ways, and some are read: the files are neither all alike nor all hopeless.
    assert sum(outcome.kinds.values()) == 600 and len(outcome.kinds) > 20
    assert 10 < outcome.kinds["read"] < 500


@pytest.mark.slow
def test_what_is_read_is_read_alike_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = module("fuzz_compare", monkeypatch).compare(files=600, seed=1)
    assert outcome.failures == []
    assert sum(count for kind, count in outcome.kinds.items() if kind.endswith("alike")) > 10


@pytest.mark.slow
def test_mutated_hdf5_files_are_errors_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    hdf5 = module("fuzz_hdf5", monkeypatch)
    outcome = hdf5.read_hdf5(files=60, seed=1)
    assert outcome.failures == []
    assert sum(outcome.kinds.values()) == 60 and len(outcome.kinds) > 5
    assert 5 < outcome.kinds["read"] < 40


@pytest.mark.slow
def test_what_is_read_of_hdf5_files_is_what_h5py_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    hdf5 = module("fuzz_hdf5", monkeypatch)
    outcome = hdf5.differences(files=60, seed=1)
    assert outcome.failures == [] and outcome.kinds["alike"] > 5
    monkeypatch.setattr(hdf5, "alike", lambda ours, theirs: False)
    assert hdf5.differences(files=20, seed=1).failures


def test_processes_that_end_or_stay_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    hdf5 = module("fuzz_hdf5", monkeypatch)

    def end(content: bytes, label: str) -> tuple[str, list[str]]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    assert hdf5.in_a_process(end, b"", "x") == ("ended by SIGKILL", [])
    monkeypatch.setattr(hdf5, "SECONDS", 1)
    kind, failures = hdf5.in_a_process(lambda content, label: time.sleep(60), b"", "x")
    assert kind == "no answer" and len(failures) == 1


def test_unchanged_hdf5_files_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in module("fuzz_hdf5", monkeypatch).valid_hdf5_files().items():
        assert decode(content, max_bytes=2**24, confined=True).format == name.partition("-")[0]


def test_unchanged_files_are_read(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    valid = module("fuzz_mutations", monkeypatch).valid_files()
    for name, content in valid.items():
        assert fuzz.decode(content, max_bytes=fuzz.MAX_BYTES).format == name.partition("-")[0]


def test_mutations_follow_from_the_seed_and_change_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    mutations = module("fuzz_mutations", monkeypatch)
    valid = mutations.valid_files()
    made = [mutations.mutated(valid, seed=3, number=number) for number in range(40)]
    assert made == [mutations.mutated(valid, seed=3, number=number) for number in range(40)]
    assert len({content for _, content in made}) > 35
    for name in valid:
        for change in mutations.changes_of(name):
            tried = [change(valid[name], random.Random(number)) for number in range(10)]
            assert any(content != valid[name] for content in tried), change.__name__
            assert [change(b"", random.Random(number)) for number in range(10)]


def misread(content: bytes, *, max_bytes: int, confined: bool) -> Contents:
    raise {0: ValueError("x"), 1: CheckpointError("y" * 700), 2: MemoryError()}[len(content) % 3]


def test_failures_are_seen(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of mutated files can fail: other exceptions, no answer in time, memory."""
    monkeypatch.setattr(fuzz, "decode", misread)
    outcome = fuzz.read_here(files=30, seed=1)
    assert any("ValueError: x" in failure for failure in outcome.failures)
    assert any("MemoryError" in failure for failure in outcome.failures)

    def spin(content: bytes, *, max_bytes: int, confined: bool) -> Contents:
        while True:
            pass

    monkeypatch.setattr(fuzz, "decode", spin)
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 0.01)
    outcome = fuzz.read_here(files=1, seed=1)
    assert len(outcome.failures) == 1 and "TooLong" in outcome.failures[0]

    def greedy(content: bytes, *, max_bytes: int, confined: bool) -> Contents:
        bytearray(2**28)
        raise CheckpointError("no")

    monkeypatch.setattr(fuzz, "decode", greedy)
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 10.0)
    monkeypatch.setattr(fuzz, "peak_memory", iter((0, fuzz.MOST_MEMORY + 1)).__next__)
    outcome = fuzz.read_here(files=1, seed=1)
    assert len(outcome.failures) == 1 and "bytes of memory" in outcome.failures[0]


def test_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = module("fuzz_compare", monkeypatch)
    decode = compare.decode

    def other(content: bytes, *, max_bytes: int) -> Contents:
        found = decode(content, max_bytes=max_bytes)
        return Contents(found.format, found.entries[1:], found.notes)

    monkeypatch.setattr(compare, "decode", other)
    assert compare.compare(files=100, seed=1).failures
