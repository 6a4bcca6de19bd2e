"""A file is opened once, and never waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from scalegmn.checkpoints import open_file
from scalegmn.errors import CheckpointError


def reason(path: Path | str | bytes, *, max_bytes: int = 100) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_file(path, max_bytes=max_bytes)  # type: ignore[arg-type]
    return str(caught.value)


def test_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    link = tmp_path / "link"
    link.symlink_to(path)
    for one in (path, link, str(path)):
        with open_file(one, max_bytes=5) as file:
            assert file.size == 5 and os.read(file.descriptor, 9) == b"12345"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file.descriptor)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe, folder, empty = tmp_path / "pipe", tmp_path / "folder", tmp_path / "empty"
    os.mkfifo(pipe)
    folder.mkdir()
    empty.touch()
    before = len(os.listdir("/proc/self/fd"))
    for path in (pipe, folder, Path(os.devnull), Path("/dev/zero")):
        assert "a folder or a device" in reason(path)
    assert "the file is empty (0 bytes)" in reason(empty)
    assert "no such file (its folder exists)" in reason(tmp_path / "absent")
    assert "no such file (its folder does not exist either)" in reason(tmp_path / "absent" / "file")
    assert "cannot be opened" in reason(empty / "file")
    assert "cannot be opened" in reason("a\0b")
    assert "cannot be opened" in reason(tmp_path / ("x" * 5000))
    endless = tmp_path / "endless"
    endless.symlink_to(endless)
    assert "cannot be opened" in reason(endless)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert "cannot be opened" in reason(tmp_path / "s")
    assert len(os.listdir("/proc/self/fd")) == before


def test_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"123456")
    assert "has 6 bytes, which is more than max_bytes=5" in reason(path, max_bytes=5)
