"""Files are read while others are evaluated: in order, a few at a time, each content once."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from scalegmn.checkpoints import FoundFile
from scalegmn.trojans.scanning import Detector, FileResult, ScanSettings, Verdict, scan
from scalegmn.trojans.scanning import _steps as steps_module
from scalegmn.trojans.scanning._ahead import ReadAheadQueue
from scalegmn.trojans.scanning._identity import Identity
from tests.trojans.scanning.cases import write_networks

PATIENCE = 20


def files(folder: Path, contents: list[bytes]) -> list[FoundFile]:
    found = []
    for number, content in enumerate(contents):
        path = folder / f"{number:03}.pt"
        path.write_bytes(content)
        found.append(FoundFile(path))
    return found


def name_of(found: FoundFile, identity: Identity) -> str:
    return found.path.name


def test_order_stays_and_problems_take_their_turn(tmp_path: Path) -> None:
    found = files(tmp_path, [bytes([number]) for number in range(20)])
    found[5], found[9] = FoundFile(tmp_path / "none.pt"), FoundFile(tmp_path, "a problem")
    with ReadAheadQueue(name_of, needed=lambda key: True, workers=3, max_bytes=100) as ahead:
        arrivals = list(ahead.over(found))
        assert [arrival.found for arrival in arrivals] == found
        for place, arrival in enumerate(arrivals):
            wrong = place in (5, 9)
            assert (arrival.identity.problem is not None) == (arrival.reading is None) == wrong
            assert wrong or ahead.reading(arrival) == found[place].path.name


@pytest.mark.parametrize(("max_bytes", "most"), [(1000, 4), (20, 2), (10, 1)])
def test_only_a_few_are_held(max_bytes: int, most: int, tmp_path: Path) -> None:
    found = files(tmp_path, [bytes([number]) * 10 for number in range(12)])
    read: list[str] = []

    def note(one: FoundFile, identity: Identity) -> None:
        read.append(one.path.name)

    with ReadAheadQueue(note, needed=lambda key: True, workers=3, max_bytes=max_bytes) as ahead:
        for place, arrival in enumerate(ahead.over(found)):
            ahead.reading(arrival)
            assert len(read) <= place + most


def test_reading_goes_on_while_somebody_is_busy(tmp_path: Path) -> None:
    found = files(tmp_path, [b"a", b"b", b"c"])
    begun = {one.path.name: threading.Event() for one in found}

    def read(one: FoundFile, identity: Identity) -> None:
        begun[one.path.name].set()

    with ReadAheadQueue(read, needed=lambda key: True, workers=1, max_bytes=100) as ahead:
        coming = ahead.over(found)
        next(coming)
        next(coming)
        # Nobody asks for anything here; what was promised is done in the background.
        assert begun["001.pt"].wait(PATIENCE)


def test_equal_contents_are_read_once_and_known_ones_never(tmp_path: Path) -> None:
    found = files(tmp_path, [b"a", b"b", b"a", b"a", b"c"])
    read: Counter[str] = Counter()

    def count(one: FoundFile, identity: Identity) -> str:
        read[identity.sha256] += 1
        return identity.sha256

    known: set[str] = set()
    with ReadAheadQueue(count, needed=lambda key: key not in known, workers=4, max_bytes=100) as ahead:
        for arrival in ahead.over(found):
            if arrival.identity.key not in known:
                assert ahead.reading(arrival) == arrival.identity.sha256
            known.add(arrival.identity.key)
    assert len(known) == len(read) == 3 and set(read.values()) == {1}
    read.clear()
    with ReadAheadQueue(count, needed=lambda key: key not in known, workers=4, max_bytes=100) as ahead:
        assert all(arrival.reading is None for arrival in ahead.over(found)) and not read


@pytest.mark.slow
def test_errors_that_repeat_are_told_of_each_file(
    small_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A content that the detector fails on is tried again, whatever was read ahead meanwhile."""
    (path,) = write_networks(tmp_path, count=1)
    for number in range(5):
        (tmp_path / f"copy{number}.safetensors").write_bytes(path.read_bytes())

    def failing(*_: object, **__: object) -> list[FileResult]:
        raise ValueError("no way to evaluate it")

    monkeypatch.setattr(steps_module, "evaluate_candidates", failing)
    report = scan([tmp_path], detector=small_detector, settings=ScanSettings(batch_size=1))
    assert len(report.files) == 6
    assert all(result.verdict is Verdict.error and result.size for result in report.files)


def test_the_next_batch_is_read_while_one_is_judged(
    small_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_networks(tmp_path, count=24)
    judge, read_file, late = steps_module.evaluate_candidates, steps_module.read_file, threading.Event()
    waited: list[bool] = []

    def noting(blank: FileResult, **others: object) -> object:
        if blank.path == str(sorted(paths)[19]):
            late.set()
        return read_file(blank, **others)  # type: ignore[arg-type]

    def patient(*arguments: object, **others: object) -> object:
        waited.append(late.wait(PATIENCE))
        return judge(*arguments, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(steps_module, "read_file", noting)
    monkeypatch.setattr(steps_module, "evaluate_candidates", patient)
    report = scan([tmp_path], detector=small_detector, settings=ScanSettings(batch_size=10))
    assert waited == [True] * 3 and [result.path for result in report.files] == sorted(map(str, paths))


def test_an_interruption_waits_for_no_reading(
    small_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_networks(tmp_path, count=6)
    free, ended = threading.Event(), threading.Event()

    def stuck(blank: FileResult, **_: object) -> None:
        if blank.path.endswith("relu_0.safetensors"):
            raise KeyboardInterrupt
        free.wait(PATIENCE)
        ended.set()

    monkeypatch.setattr(steps_module, "read_file", stuck)
    try:
        with pytest.raises(KeyboardInterrupt):
            scan([tmp_path], detector=small_detector)
        assert not ended.is_set()
    finally:
        free.set()
