"""What a worker has, and what it may do."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import scalegmn
from scalegmn.checkpoints.worker import Reader
from scalegmn.checkpoints.worker import _launching as launching
from scalegmn.checkpoints.worker._confinement import LIMITS
from tests.checkpoints.worker.conftest import Begin, Write

SOURCE = Path(scalegmn.__file__).parent
WORKER = SOURCE / "checkpoints" / "worker"


def notes(write: Write, word: bytes) -> tuple[str, ...]:
    with Reader(workers=1) as reader:
        return reader.read(write(word), max_bytes=2**20).contents.notes


def test_worker_has_nothing_of_its_parent(
    begin: Begin, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin("decoding")
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("raise SystemExit(9)")
    with open(os.devnull) as kept_open:
        os.set_inheritable(kept_open.fileno(), True)
        found = notes(write, b"state")
    assert "no torch" in found and "SECRET_TOKEN" not in found and "LD_PRELOAD" not in found
    assert "cwd /" in found and "terminal False" in found
    # Three standard ones, the connection and the file.
    assert "descriptors 5" in found
    (path,) = (note for note in found if note.startswith("path "))
    assert "''" not in path and repr(str(tmp_path)) not in path


def test_limits_hold(begin: Begin, write: Write) -> None:
    begin("decoding")
    with Reader(workers=1) as reader:
        assert reader.limits_held == () and "no file was read" in reader.describe_limits()
        done = reader.read(write(b"try"), max_bytes=2**20).contents.notes
        held, missing = reader.limits_held, reader.limits_missing
        assert set(held) | set(missing) == set(LIMITS) and not set(held) & set(missing)
        said = reader.describe_limits()
    assert all(name in said for name in LIMITS)
    if sys.platform == "linux":
        assert set(LIMITS) - set(held) <= {"no new processes"}
        assert "write failed: File too large" in done
        assert "open failed: Too many open files" in done
    # The report is right about the one that does not hold for the administrator.
    assert ("no new processes" in held) == any(one.startswith("fork failed") for one in done)


def test_memory_that_is_not_limited_is_watched_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(workers=1)
    reader._pool.held.add(("processor time",))
    assert reader.describe_limits().endswith("The memory of workers is watched.")
    monkeypatch.setattr("scalegmn.checkpoints.worker._reader.memory_of", lambda process: None)
    assert reader.describe_limits().endswith("Install psutil to have the memory of workers watched.")
    reader._pool.held = {LIMITS}
    assert "Not on this system" not in reader.describe_limits()


def test_places_are_absolute_and_few() -> None:
    places = launching.package_paths()
    assert all(os.path.isabs(place) for place in places) and len(places) <= 3
    assert str(SOURCE.parent) in places


def test_worker_starts_quickly_and_without_torch() -> None:
    modules = "scalegmn.checkpoints.worker._child, scalegmn.checkpoints._decoding"
    program = f"import sys, {modules}; print('torch' in sys.modules)"
    place = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    start = time.process_time(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=place, check=True
    )
    assert done.stdout == "False\n"
    assert time.monotonic() - start[1] < 10


@pytest.mark.parametrize("path", sorted(WORKER.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_unpickles(path: Path) -> None:
    """What a worker says may come from the file that it has read."""
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            named.add((node.module or "").split(".")[0])
    assert not named & {"pickle", "marshal", "shelve", "multiprocessing", "torch", "dill", "joblib"}
