"""Workers that do what the content of a file says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scalegmn.checkpoints.worker import Reader, ReadLimits
from scalegmn.checkpoints.worker import _launching as launching

Begin = Callable[[str], None]
Write = Callable[[bytes], Path]


def entry(name: str) -> str:
    """What a worker runs that behaves as the name says."""
    file = Path(__file__).with_name("decoding_child.py" if name == "decoding" else "saying_child.py")
    return f"import runpy; runpy.run_path({str(file)!r}, run_name={name!r})"


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Begin:
    """From here on, workers behave as the name says."""
    return lambda name: monkeypatch.setattr(launching, "ENTRY", entry(name))


@pytest.fixture(scope="module")
def shared_reader() -> Iterator[Reader]:
    """One for all tests of a module: what a file does to it is over with the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launching, "ENTRY", entry("decoding"))
        with Reader(workers=1, limits=ReadLimits(spare_memory=2**26)) as made:
            yield made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a new file."""
    count = 0

    def new(content: bytes) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"file{count}"
        path.write_bytes(content)
        return path

    return new
