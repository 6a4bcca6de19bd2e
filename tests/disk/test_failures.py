"""Failures of the operating system as one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from scalegmn.disk import create_file, make_folder, replace_file, sentence_of, writing
from scalegmn.errors import DiskError


def test_a_failure_without_a_file_name_gets_the_name_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(DiskError) as caught, writing(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == f"{path}: cannot be written (No space left on device); " + (
        "free some space, or choose another disk"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError("16384 requested and 0 written"),
        OSError(errno.EROFS, os.strerror(errno.EROFS)),
        PermissionError(errno.EACCES, "Permission denied", "secret"),
        OSError(99999, "an error of tomorrow"),
        OSError(),
    ],
)
def test_every_failure_has_a_reason_and_a_remedy(error: OSError) -> None:
    sentence = sentence_of(error)
    assert "None" not in sentence and "cannot be read or written (" in sentence and "; " in sentence


def test_names_are_printable_and_short() -> None:
    sentence = sentence_of(OSError(errno.EIO, "Input/output error", "a\x1b[2J\n" + "x" * 9999))
    assert sentence.isprintable() and len(sentence) < 500


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="as it was"), writing("file"):
        raise ValueError("as it was")


@pytest.mark.parametrize(
    "url", ["s3://bucket/x", "file:///tmp/x", "simplecache::gs://b", "memory://x", Path("s3://u:secret@b/x")]
)
def test_a_url_is_no_folder(url: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for write in (make_folder, lambda path: replace_file(path, b""), lambda path: create_file(path, b"")):
        with pytest.raises(
            DiskError, match=r"^a URL \([a-z0-9:]+://...\) was given, expected a path"
        ) as caught:
            write(url)
        assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a:b", "b:c/d", "C:", ".s3:", "s3:x/y"])
def test_a_colon_makes_no_url(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_folder(name).is_dir()
