"""Files that are whole or absent."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from scalegmn.disk import create_file, make_folder, replace_file
from scalegmn.errors import DiskError


def full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("write", [replace_file, create_file])
def test_a_full_disk_leaves_nothing(tmp_path: Path, write: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match=r"report\.json: cannot be written \(No space left"):
        write(tmp_path / "report.json", b"{}")  # type: ignore[operator]
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    replace_file(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: full(0))
    with pytest.raises(DiskError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("links", [True, False])
def test_what_exists_is_left_alone(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: full(0))
    path = tmp_path / "a" / "b" / "network.pt"
    make_folder(path.parent)
    create_file(path, b"first")
    with pytest.raises(DiskError, match=r"network\.pt: exists and was left alone"):
        create_file(path, b"second")
    assert path.read_bytes() == b"first" and len(list(path.parent.iterdir())) == 1


def test_of_many_writers_one_succeeds(tmp_path: Path) -> None:
    path, done = tmp_path / "network.pt", []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        try:
            create_file(path, bytes([number]))
        except DiskError:
            return
        done.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1 and path.read_bytes() == bytes(done)


@pytest.mark.parametrize("write", [replace_file, create_file])
def test_a_file_in_the_place_of_a_folder(tmp_path: Path, write: object) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(DiskError, match=r"Not a directory\); a part of the path is a file"):
        write(tmp_path / "runs" / "report.json", b"{}")  # type: ignore[operator]
    with pytest.raises(DiskError, match="runs: cannot be written"):
        make_folder(tmp_path / "runs")


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DiskError, match="is a device or a pipe"):
        replace_file(tmp_path / "pipe", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"] and (tmp_path / "pipe").is_fifo()
