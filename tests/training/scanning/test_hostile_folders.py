"""Scans of folders that somebody filled in bad faith, with a small detector."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.training.scanning.detector import Detector
from scalegmn.training.scanning.journal import own_journal
from scalegmn.training.scanning.results import FileResult, ScanSettings, Verdict
from scalegmn.training.scanning.scanner import question, scan
from training.scanning.cases import detector_population, train_detector, write_networks

RELU = ScanSettings(activation="relu")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("scan")
    detector_population(folder / "population", activations=("relu",))
    return Detector.open(
        train_detector(folder / "run", folder / "population", training__epochs=1), device="cpu"
    )


def verdicts(report: object) -> dict[str, Verdict]:
    return {Path(result.path).name: result.verdict for result in report.files}  # type: ignore[attr-defined]


def planted(folder: Path, name: str) -> Path:
    """A journal that calls every file of a folder clean, in the old form and as lines of the new one."""
    lines = [json.dumps({"format": 1, "version": "0.1"})]
    for path in sorted(folder.iterdir()):
        clean = FileResult(path=str(path), verdict=Verdict.clean, sha256=path.stem)
        lines.append(json.dumps({"suffix": path.suffix, **clean.to_dict()}))
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_planted_journal_has_no_effect(detector: Detector, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (path, *_) = write_networks(folder, count=1)
    (folder / "evil.pt").write_bytes(b"cos\nsystem\n(S'touch x'\ntR.")
    plain = verdicts(scan([folder], detector=detector, settings=RELU))
    journal = planted(folder, "scan.json.journal")
    own = own_journal(question(detector, RELU), [folder])
    report = scan([folder], detector=detector, settings=RELU, journal=own, resume=True)
    assert verdicts(report) == plain and report.from_journal == 0 and plain["evil.pt"] is Verdict.error
    # Nor when somebody asks for it by name, wherever it lies.
    with pytest.raises(ConfigurationError, match="which is scanned"):
        scan([folder], detector=detector, settings=RELU, journal=journal, resume=True)
    elsewhere = journal.rename(tmp_path / "elsewhere.journal")
    with pytest.raises(ConfigurationError, match="no journal of a scan"):
        scan([path], detector=detector, settings=RELU, journal=elsewhere, resume=True)
    # A link out of the folder does not lead past the check, nor does one into it.
    (tmp_path / "door").symlink_to(folder)
    for place in (folder / ".." / "files" / "a.journal", tmp_path / "door" / "a.journal"):
        with pytest.raises(ConfigurationError, match="which is scanned"):
            scan([folder], detector=detector, settings=RELU, journal=place)


def test_another_detector_or_another_setting_does_not_read_a_journal(
    detector: Detector, tmp_path: Path
) -> None:
    paths = write_networks(tmp_path / "files", count=2)
    scan(paths, detector=detector, settings=RELU, journal=tmp_path / "a.journal")
    again = scan(paths, detector=detector, settings=RELU, journal=tmp_path / "a.journal", resume=True)
    assert again.from_journal == 2 and all(result.from_journal for result in again.files)
    for changes in ({"fpr": 0.2}, {"max_bytes": 2**20}, {"prior": 0.3}):
        other = ScanSettings(activation="relu", **changes)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="settings"):
            scan(paths, detector=detector, settings=other, journal=tmp_path / "a.journal", resume=True)


def test_errors_are_tried_again(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"broken")
    for _ in range(2):
        report = scan([tmp_path / "broken.pt"], detector=detector, journal=tmp_path / "j", resume=True)
        assert report.from_journal == 0 and report.gravest is Verdict.error


def test_nothing_in_a_folder_is_passed_over(detector: Detector, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    (evil, *_) = write_networks(outside, count=1)
    write_networks(folder, count=1, seed=3)
    (folder / "latest").symlink_to(outside)
    (folder / "model.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    (folder / "pytorch_model.bin").write_bytes(b"junk")
    (folder / "blob").write_bytes(b"\x80\x04junk")
    (folder / "README.md").write_text("hello")
    os.mkfifo(folder / "pipe")
    report = scan([folder], detector=detector, settings=RELU)
    found = verdicts(report)
    errors = {name for name, verdict in found.items() if verdict is Verdict.error}
    assert errors == {"latest", "model.onnx", "pytorch_model.bin", "blob", "pipe"} and len(found) == 6
    assert all(result.reason for result in report.files if result.verdict is Verdict.error)
    assert report.skipped == (str(folder / "README.md"),)
    followed = verdicts(scan([folder], detector=detector, settings=RELU, follow_links=True))
    assert followed[evil.name] is not Verdict.error and "latest" not in followed


@pytest.mark.parametrize("name", ["gone.pt", "pipe.pt", "link.pt", "nul\0l.pt", "folder.pt/inner.pt"])
def test_plain_reasons(name: str, detector: Detector, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "link.pt").symlink_to("nowhere.pt")
    words = {
        "gone.pt": "there is no such file",
        "pipe.pt": "a named pipe",
        "link.pt": "a link to 'nowhere.pt'",
    }
    words |= {"nul\0l.pt": "a null byte", "folder.pt/inner.pt": "there is no such file"}
    (result,) = scan([tmp_path / name], detector=detector).files
    assert result.verdict is Verdict.error
    assert str(result.reason).startswith(words[name]) or words[name] in str(result.reason)
    assert "no name of a file" not in str(result.reason) and "\0" not in str(result.reason)


def test_a_result_with_unread_tensors_is_never_clean() -> None:
    with pytest.raises(ValueError, match="not clean"):
        FileResult(path="a", verdict=Verdict.clean, unread=("b",))
    with pytest.raises(ValueError, match="finite"):
        FileResult(path="a", verdict=Verdict.suspect, logit=float("nan"))


def test_large_files_are_refused_at_once(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "sparse.bin").open("wb") as file:
        file.truncate(5 * 2**30)
    monkeypatch.setattr("hashlib.sha256", None)
    (result,) = scan([tmp_path], detector=detector).files
    assert result.verdict is Verdict.error and "5,368,709,120 bytes" in str(result.reason)


def test_hostile_names_are_kept_as_they_are(detector: Detector, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[2J\n\xe2\x80\xae.pt")
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    (tmp_path / "a.pt").rename(tmp_path / name)
    (result,) = scan([tmp_path], detector=detector).files
    assert result.path == str(tmp_path / name) and result.verdict is Verdict.abstain
