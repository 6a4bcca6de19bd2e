"""What a scan finds in folders: nothing is passed over in silence."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import LINKED_FOLDER, SUFFIXES, checksum, find_files, write_state
from scalegmn.checkpoints._model_files import begins_like_a_model, has_model_name
from scalegmn.errors import CheckpointError


def named(folder: Path, *, follow_links: bool = False) -> dict[str, str | None]:
    sought = find_files([folder], follow_links=follow_links)
    return {found.path.relative_to(folder).as_posix(): found.problem for found in sought.files}


@pytest.mark.parametrize(
    "name",
    [
        *(f"model.{suffix}" for suffix in sorted(SUFFIXES)),
        "archive.pth.tar",
        "WEIGHTS.PT",
        "model.ckpt-1000",
        "model.ckpt-1000.data-00000-of-00001",
        "model.ckpt-1000.index",
        "best.pt.bak",
        "best.pth.tar.gz",
        "best.pt~",
        "best.safetensors.1",
        "pytorch_model-00001-of-00002.bin",
    ],
)
def test_names_of_models(name: str) -> None:
    assert has_model_name(name)


@pytest.mark.parametrize(
    "name", ["README.md", "config.json", "cabin", "notes.txt", "a.png", "pt", "app.log.1"]
)
def test_other_names(name: str) -> None:
    assert not has_model_name(name)


def model_contents(folder: Path) -> dict[str, bytes]:
    state = {"0.weight": torch.ones(2, 2)}
    made: dict[str, bytes] = {
        "onnx": b"\x08\x07\x12\x07pytorch\x1a\x05",
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(9),
    }
    made |= {
        "gguf": b"GGUF\x03\0\0\0",
        "tflite": b"\x1c\0\0\0TFL3\0\0",
        "userblock": bytes(512) + made["hdf5"],
    }
    made |= {"gzip": b"\x1f\x8b\x08\0\0\0"}
    for kind, legacy in (("torch", False), ("legacy", True)):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
        made[kind] = buffer.getvalue()
    for kind in ("safetensors", "npz"):
        write_state(folder / f"made.{kind}", state)
        made[kind] = (folder / f"made.{kind}").read_bytes()
        (folder / f"made.{kind}").unlink()
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    made["npy"] = buffer.getvalue()
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.writestr("inner/model.pt", made["torch"])
    made["zip"] = (folder / "zip").read_bytes()
    with tarfile.open(folder / "tar", "w") as archive:
        archive.add(folder / "zip", "inner/model.safetensors")
    made["tar"] = (folder / "tar").read_bytes()
    (folder / "zip").unlink()
    (folder / "tar").unlink()
    return made


def test_content_decides_where_names_say_nothing(tmp_path: Path) -> None:
    contents = model_contents(tmp_path)
    for kind, content in contents.items():
        (tmp_path / kind).write_bytes(content)
        if kind != "gzip":
            (tmp_path / f"{kind}.dat").write_bytes(content)
    for name, other in {
        "text": b"hello",
        "empty": b"",
        "image.png": b"\x89PNG\r\n",
        "log.gz": b"\x1f\x8b",
    }.items():
        (tmp_path / name).write_bytes(other)
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    sought = find_files([tmp_path])
    assert {path.name for path in sought.skipped} == {"text", "empty", "image.png", "log.gz", "letter.docx"}
    assert len(sought.files) == 2 * len(contents) - 1
    assert begins_like_a_model(tmp_path / "torch") and not begins_like_a_model(tmp_path / "text")


def test_what_is_no_file_is_a_problem_each(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hidden.pt").write_bytes(b"x")
    folder = tmp_path / "folder"
    (folder / ".cache").mkdir(parents=True)
    (folder / ".cache" / "deep.pt").write_bytes(b"x")
    (folder / "latest").symlink_to(outside)
    (folder / "file.pt").symlink_to(outside / "hidden.pt")
    (folder / "gone").symlink_to("nowhere\x1b.pt")
    (folder / "loop.pt").symlink_to("loop.pt")
    (folder / "null").symlink_to("/dev/null")
    os.mkfifo(folder / "pipe")
    place = os.getcwd()
    with socket.socket(socket.AF_UNIX) as one:
        # The address of a socket may not be long.
        os.chdir(folder)
        one.bind("socket.pt")
        os.chdir(place)
        problems = named(folder)
    assert problems.pop(".cache/deep.pt") is None and problems.pop("file.pt") is None
    assert problems.pop("latest") == LINKED_FOLDER and "a linked folder, not followed" in LINKED_FOLDER
    words = {
        "gone": "which does not exist",
        "loop.pt": "leads back to itself",
        "null": "a device",
        "pipe": "a named pipe",
        "socket.pt": "a socket",
    }
    assert problems.keys() == words.keys()
    assert all(word in str(problems[name]) for name, word in words.items())


def test_linked_folders_are_followed_on_request_and_each_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "more").mkdir(parents=True)
    (outside / "a.pt").write_bytes(b"x")
    (outside / "more" / "b.pt").write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "c.pt").write_bytes(b"x")
    (folder / "link").symlink_to(outside)
    (folder / "same").symlink_to(outside)
    (folder / "up").symlink_to(folder)
    (outside / "more" / "back").symlink_to(folder)
    assert named(folder, follow_links=True) == {"c.pt": None, "link/a.pt": None, "link/more/b.pt": None}
    # A path that is given is followed: whoever names it asks for it.
    assert set(named(folder / "link")) == {"a.pt", "more/b.pt", "more/back"}


def test_deep_folders_and_unreadable_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path
    for _ in range(400):
        deep /= "d"
        deep.mkdir()
    (deep / "a.pt").write_bytes(b"x")
    (tmp_path / "closed").mkdir()
    listing = os.scandir

    def closed(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", closed)
    found = named(tmp_path)
    assert len(found) == 2 and found["closed"] == "the folder cannot be read (Permission denied)"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.symlink_to("gone.pt"), "a link to 'gone.pt', which does not exist"),
        (lambda path: path.symlink_to(path), "a link that leads back to itself"),
        (os.mkfifo, "a named pipe, expected a file"),
        (os.mkdir, "a folder, expected a file"),
    ],
)
def test_the_plain_reason(make: object, reason: str, tmp_path: Path) -> None:
    make(tmp_path / "a.pt")  # type: ignore[operator]
    with pytest.raises(CheckpointError) as caught:
        checksum(tmp_path / "a.pt", max_bytes=10)
    assert str(caught.value).startswith(reason)


def test_a_name_with_a_null_byte_and_one_that_is_too_long() -> None:
    for name, reason in (("a\0b.pt", "a null byte"), ("a" * 3000, "File name too long")):
        (found,) = find_files([name]).files
        with pytest.raises(CheckpointError, match=reason):
            checksum(found.path, max_bytes=10)


def test_size_comes_before_the_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "sparse.pt").open("wb") as file:
        file.truncate(5 * 2**30)
    monkeypatch.setattr("hashlib.sha256", None)
    with pytest.raises(CheckpointError, match=r"5,368,709,120 bytes, more than max_bytes=1,000"):
        checksum(tmp_path / "sparse.pt", max_bytes=1000)


def test_a_file_that_grows_is_not_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"x" * 100)
    facts = os.stat(path)
    path.write_bytes(b"x" * 200)
    monkeypatch.setattr(os, "fstat", lambda descriptor: facts)
    with pytest.raises(CheckpointError, match="changed while it was read"):
        checksum(path, max_bytes=150)
