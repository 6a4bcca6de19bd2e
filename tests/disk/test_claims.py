"""Folders with one writer at a time, between real processes too."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scalegmn.disk import _claims as claims
from scalegmn.disk import claim_folder, holds_something, new_folder, writer_in
from scalegmn.errors import DiskError, PopulationError

HOLD = """
import sys
from scalegmn.disk import claim_folder
with claim_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that has a folder for itself until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_kept_out_until_the_first_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holder(folder) as process:
        assert writer_in(folder) is not None and f"process {process.pid} on" in str(writer_in(folder))
        wanted = f"another command is writing there .process {process.pid} on"
        with pytest.raises(DiskError, match=wanted), claim_folder(folder):
            pytest.fail("two writers")
        process.communicate("")
    assert writer_in(folder) is None and not folder.exists()
    with claim_folder(folder), pytest.raises(DiskError, match="another command"), claim_folder(folder):
        pytest.fail("two writers")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_writer_keeps_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holder(folder) as process:
        process.send_signal(signal.SIGKILL)
    assert (folder / claims.LOCK).is_file() and not holds_something(folder)
    with claim_folder(folder):
        (folder / "result").write_text("")
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_without_locks_of_the_file_system_the_process_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    folder = tmp_path / "run"
    with holder(folder) as process:
        monkeypatch.setattr(fcntl, "flock", unknown)
        with pytest.raises(DiskError, match="another command"), claim_folder(folder):
            pytest.fail("two writers")
        process.kill()
    # The lock file of the dead is still there.
    assert (folder / claims.LOCK).is_file()
    with claim_folder(folder):
        pass


def test_a_result_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    with pytest.raises(KeyboardInterrupt), new_folder(folder) as place:
        (place / "0.safetensors").write_text("half")
        raise KeyboardInterrupt
    assert not folder.exists()
    with new_folder(folder) as place:
        (place / "0.safetensors").write_text("whole")
        assert not holds_something(folder)
    assert [path.name for path in folder.iterdir()] == ["0.safetensors"]
    with pytest.raises(PopulationError, match="is not empty"), new_folder(folder):
        pytest.fail("written over")


def test_what_a_killed_writer_left_is_no_result(tmp_path: Path) -> None:
    (tmp_path / claims.PARTIAL).mkdir()
    (tmp_path / claims.PARTIAL / "half").write_text("")
    with new_folder(tmp_path) as place:
        (place / "whole").write_text("")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_failure_while_entries_move_takes_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "b":
            raise OSError(errno.EIO, "Input/output error")
        return original(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(DiskError, match="Input/output error"), new_folder(tmp_path / "export") as place:
        (place / "a").write_text("")
        (place / "b").write_text("")
    assert not (tmp_path / "export").exists()


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DiskError, match="a part of the path is a file"),
        claim_folder(tmp_path / "file" / "run"),
    ):
        pytest.fail("claimed")
