"""Manifests, and the comparison of folders with them; no detector is needed for either."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalegmn.checkpoints import checksum, find_files
from scalegmn.cli.main import main
from scalegmn.errors import ConfigurationError
from scalegmn.trojans.scanning import (
    FileResult,
    ScanReport,
    ScanSettings,
    Verdict,
    Verification,
    manifest_of,
    read_key,
    read_manifest,
    verify,
)
from scalegmn.trojans.scanning._results import DetectorIdentity

KEY = b"0123456789abcdef"


def report_on(folder: Path, **others: Verdict) -> ScanReport:
    """As if every file of models were clean, apart from `others`, by stem."""
    sought = find_files([folder])
    files = []
    for found in sought.files:
        sha256, size = checksum(found.path, max_bytes=2**20)
        verdict = others.get(found.path.stem, Verdict.clean)
        files.append(FileResult(path=str(found.path), verdict=verdict, sha256=sha256, size=size))
    return ScanReport(
        files=tuple(files),
        skipped=tuple(map(str, sought.skipped)),
        detector=DetectorIdentity("run", "d" * 64, "e" * 64, "0.1", "scalegmn"),
        settings=ScanSettings(max_bytes=2**20),
        prior=0.5,
        version="0.1",
        clean_logits=np.zeros(3),
        threshold=1.0,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.pt").write_bytes(b"first")
    (folder / "deep" / "b.safetensors").write_bytes(b"second")
    (folder / os.fsdecode(b"\xff\n.pt")).write_bytes(b"third")
    (folder / "README.md").write_text("hello")
    return folder


def written(folder: Path, path: Path, *, key: bytes | None = None, **others: Verdict) -> Path:
    manifest = manifest_of(report_on(folder, **others), [folder], without=[path])
    path.write_text(json.dumps(manifest.to_dict(key=key)))
    return path


def compared(path: Path, folder: Path | None = None, *, follow_links: bool = False) -> Verification:
    manifest, _ = read_manifest(path)
    return verify(manifest, folder, without=path, follow_links=follow_links)


def kinds(found: Verification) -> set[tuple[str, str]]:
    return {(one.kind, one.path) for one in found.differences}


def test_what_was_judged_and_did_not_change_is_sound(folder: Path, tmp_path: Path) -> None:
    # The manifest itself may lie among the files.
    path = written(folder, folder / "manifest.json")
    found = compared(path)
    assert not found.differences and (found.clean, found.skipped) == (3, 1) and found.folder == str(folder)
    folder.rename(tmp_path / "deployed")
    moved = tmp_path / "deployed"
    assert not compared(moved / "manifest.json", moved).differences
    with pytest.raises(ConfigurationError, match="--folder"):
        compared(moved / "manifest.json")


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda f: (f / "a.pt").write_bytes(b"FIRST"), {("changed", "a.pt")}),
        (lambda f: (f / "a.pt").write_bytes(b"longer than before"), {("changed", "a.pt")}),
        (lambda f: (f / "README.md").write_text("HELLO"), {("changed", "README.md")}),
        (lambda f: (f / "a.pt").unlink(), {("missing", "a.pt")}),
        (lambda f: (f / "deep" / "c.pt").write_bytes(b"new"), {("extra", "deep/c.pt")}),
        (lambda f: (f / "notes.txt").write_bytes(b"new"), {("extra", "notes.txt")}),
        (lambda f: os.mkfifo(f / "pipe"), {("extra", "pipe")}),
        (lambda f: (f / "more").symlink_to(f.parent), {("extra", "more")}),
        (
            lambda f: (f / "a.pt").rename(f / "deep" / "a.pt"),
            {("missing", "a.pt"), ("extra", "deep/a.pt")},
        ),
    ],
)
def test_every_difference_is_named(
    harm: Callable[[Path], object], expected: set[tuple[str, str]], folder: Path, tmp_path: Path
) -> None:
    path = written(folder, tmp_path / "manifest.json")
    harm(folder)
    assert kinds(compared(path)) == expected


def test_links_are_not_believed(folder: Path, tmp_path: Path) -> None:
    path = written(folder, tmp_path / "manifest.json")
    (folder / "a.pt").rename(tmp_path / "elsewhere.pt")
    (folder / "a.pt").symlink_to(tmp_path / "elsewhere.pt")
    assert kinds(compared(path)) == {("unreadable", "a.pt")}
    assert not compared(path, follow_links=True).differences
    (folder / "deep").rename(tmp_path / "deep")
    (folder / "deep").symlink_to(tmp_path / "deep")
    assert ("unreadable", "deep/b.safetensors") in kinds(compared(path))
    assert not compared(path, follow_links=True).differences


@pytest.mark.parametrize("verdict", [Verdict.suspect, Verdict.abstain, Verdict.error])
def test_what_was_not_found_clean_stays_so(verdict: Verdict, folder: Path, tmp_path: Path) -> None:
    path = written(folder, tmp_path / "manifest.json", a=verdict)
    assert kinds(compared(path)) == {(verdict.value, "a.pt")}


def test_single_files_bind_no_others(folder: Path, tmp_path: Path) -> None:
    report = report_on(folder / "deep")
    manifest = manifest_of(report, [folder / "deep" / "b.safetensors"], without=[])
    (folder / "deep" / "other.pt").write_bytes(b"not named")
    assert not verify(manifest).differences
    (folder / "deep" / "b.safetensors").write_bytes(b"SECOND")
    assert kinds(verify(manifest)) == {("changed", "b.safetensors")}


def test_files_that_were_too_large_to_read_are_not_bound(folder: Path, tmp_path: Path) -> None:
    with (folder / "film.mp4").open("wb") as file:
        file.truncate(2**20 + 1)
    assert kinds(compared(written(folder, tmp_path / "manifest.json"))) == {("unbound", "film.mp4")}


def first(data: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = data["entries"][0]
    return entry


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: first(data).update(path="../outside.pt"),
        lambda data: first(data).update(path="/etc/passwd"),
        lambda data: first(data).update(path="deep/../../a.pt"),
        lambda data: first(data).update(path="./a.pt"),
        lambda data: first(data).update(path="a\0.pt"),
        lambda data: first(data).update(path=""),
        lambda data: first(data).update(path=7),
        lambda data: first(data).update(path=data["entries"][1]["path"]),
        lambda data: first(data).update(verdict="sound"),
        lambda data: first(data).update(verdict=["clean"]),
        lambda data: first(data).update(size=-1),
        lambda data: first(data).update(size=True),
        lambda data: first(data).update(size=1.5),
        lambda data: first(data).update(sha256="ABC"),
        lambda data: first(data).update(sha256="A" * 64),
        lambda data: first(data).pop("size"),
        lambda data: data.update(entries={}),
        lambda data: data.update(entries=[1]),
        lambda data: data.update(folders=["../.."]),
        lambda data: data.update(folders="."),
        lambda data: data.update(root=None),
        lambda data: data.update(detector=[]),
        lambda data: data.update(format=99),
        lambda data: data.update(kind="shopping list"),
        lambda data: data.pop("time"),
    ],
)
def test_damaged_manifests_are_refused(
    harm: Callable[[dict[str, Any]], object], folder: Path, tmp_path: Path
) -> None:
    path = written(folder, tmp_path / "manifest.json")
    data = json.loads(path.read_text())
    harm(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match=r"manifest\.json: "):
        read_manifest(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b'{"kind": NaN}',
        b'{"kind": "scalegmn scan manifest", "kind": 1}',
        b'{"kind": "scalegmn scan manifest", "format": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_manifest_is_refused(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 600


def test_signatures(folder: Path, tmp_path: Path) -> None:
    path = written(folder, tmp_path / "manifest.json", key=KEY)
    assert read_manifest(path, key=KEY)[1] and read_manifest(path)[1]
    with pytest.raises(ConfigurationError, match="none of this key"):
        read_manifest(path, key=KEY[::-1])
    data = json.loads(path.read_text())
    for changed in (
        {"time": "now"},
        {"signature": {"value": None}},
        {"signature": {"value": "é"}},
        {"more": 1},
    ):
        path.write_text(json.dumps(data | changed))
        with pytest.raises(ConfigurationError, match="nothing in it is believed"):
            read_manifest(path, key=KEY)
    del data["signature"]
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match="not signed"):
        read_manifest(path, key=KEY)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="can be guessed"):
        read_key(tmp_path / "key")
    with pytest.raises(ConfigurationError, match="expected a key"):
        read_key(tmp_path)


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, key = written(folder, tmp_path / "manifest.json", key=KEY), tmp_path / "key"
    key.write_bytes(KEY)
    assert main(["verify", str(path), "--key-file", str(key)]) == 0
    out = capsys.readouterr().out
    assert "3 files are those that were found clean, 1 are those that were not looked at" in out
    assert main(["verify", str(path), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "not checked" in captured.err
    (folder / os.fsdecode(b"\xff\n.pt")).write_bytes(b"THIRD")
    assert main(["verify", str(path), "--folder", str(folder), "--quiet"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(r"changed     \udcff\n.pt  its SHA-256 is")
    key.write_bytes(b"another key that is wrong")
    assert main(["verify", str(path), "--key-file", str(key)]) == 2
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    assert main(["verify", str(path), "--folder", str(tmp_path / "none")]) == 2
