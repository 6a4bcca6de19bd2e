"""Scans of folders that somebody filled in bad faith, and detectors that somebody changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.main import main
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.training import RUN
from scalegmn.trojans.detection import CALIBRATION, TYPICALITY
from scalegmn.trojans.scanning import (
    Detector,
    FileResult,
    ScanSettings,
    Verdict,
    own_journal,
    question,
    scan,
    to_sarif,
)
from tests.trojans.scanning.cases import write_networks

RELU = ScanSettings(activation="relu")


@pytest.fixture
def detector(small_detector: Detector) -> Detector:
    return small_detector


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


@pytest.mark.slow
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


def test_a_file_that_changes_between_two_looks_is_an_error(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = write_networks(tmp_path, count=1)
    monkeypatch.setattr(
        "scalegmn.trojans.scanning._identity.checksum", lambda path, *, max_bytes: ("0" * 64, 7)
    )
    (result,) = scan([path], detector=detector).files
    assert result.verdict is Verdict.error and "was changed while it was read" in str(result.reason)


def test_hostile_names_are_kept_as_they_are(detector: Detector, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[2J\n\xe2\x80\xae.pt")
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    (tmp_path / "a.pt").rename(tmp_path / name)
    (result,) = scan([tmp_path], detector=detector).files
    assert result.path == str(tmp_path / name) and result.verdict is Verdict.abstain
    report = scan([tmp_path], detector=detector)
    for data in (report.to_dict(), to_sarif(report, exit_code=3)):
        # Strict readers of JSON refuse halves of characters.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")


def set_to(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """A change of one entry, with dots between keys."""

    def change(data: dict[str, Any]) -> None:
        *way, last = name.split(".")
        for key in way:
            data = data[key]
        data[last] = value

    return change


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [
        set_to("prior", 0),
        set_to("prior", 1),
        set_to("prior", 2),
        set_to("prior", NAN),
        set_to("prior", "0.5"),
        set_to("prior", True),
        set_to("prior", None),
        set_to("networks", 0),
        set_to("networks", 2.5),
        set_to("networks", 10**400),
        set_to("clean_logits", [NAN]),
        set_to("clean_logits", [0.0, NAN]),
        set_to("clean_logits", [0.0, INFINITE]),
        set_to("clean_logits", []),
        set_to("clean_logits", {}),
        set_to("clean_logits", "12"),
        set_to("clean_logits", [1.0, 0.0]),
        set_to("clean_logits", [[1.0], [2.0]]),
        set_to("clean_logits", ["1.0"]),
        set_to("clean_logits", [10**400]),
        set_to("clean_logits", [0.0] * 100_000),
        set_to("clean_logits_by_architecture", []),
        set_to("clean_logits_by_architecture", {}),
        set_to("clean_logits_by_architecture", {"other": []}),
        set_to("clean_logits_by_architecture", {"other": [1e9]}),
        set_to("calibrator", None),
        set_to("calibrator", [1]),
        set_to("calibrator", {"method": "temperature", "temperature": NAN, "intercept": 0}),
        set_to("calibrator", {"method": "temperature", "temperature": 0, "intercept": 0}),
        set_to("calibrator", {"method": "temperature", "temperature": 10**400, "intercept": 0}),
        set_to("calibrator", {"method": "isotonic", "knots": [[NAN, 0.5]]}),
        set_to("calibrator", {"method": "isotonic", "knots": [[-INFINITE, 0.1], [INFINITE, 0.5]]}),
        set_to("calibrator", {"method": "isotonic", "knots": []}),
        set_to("typicality", None),
        set_to("typicality.threshold", NAN),
        set_to("typicality.threshold", INFINITE),
        set_to("typicality.threshold", -1),
        set_to("typicality.threshold", "9"),
        set_to("typicality.place", []),
        set_to("typicality_sha256", 7),
        set_to("typicality_sha256", "0" * 64),
        set_to("model_sha256", {"a": 1}),
        set_to("format", "1"),
    ],
)
def test_a_changed_calibration_is_refused(
    harm: Callable[[dict[str, Any]], object], detector: Detector, tmp_path: Path
) -> None:
    copy = shutil.copytree(detector.run.folder, tmp_path / "run")
    data = json.loads((copy / CALIBRATION).read_text())
    harm(data)
    (copy / CALIBRATION).write_text(json.dumps(data))
    with pytest.raises(ScaleGMNError, match="calibration"):
        Detector.open(copy)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{", b"[" * 100_000, b"\xff\xfe", b'{"format": NaN}']
)
@pytest.mark.parametrize("name", [CALIBRATION, RUN, "model/config.json"])
def test_what_is_no_object_of_json_is_one_sentence(
    name: str, content: bytes, detector: Detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(detector.run.folder, tmp_path / "run")
    (copy / name).write_bytes(content)
    assert main(["scan", str(tmp_path / "none.pt"), "--detector", str(copy), "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert Path(name).name in line and len(line) < 600


@pytest.mark.parametrize(
    "harm",
    [
        set_to("architectures", []),
        set_to("architectures", "mlp"),
        set_to("architectures", [1]),
        set_to("architectures", [{}]),
        set_to("architectures", None),
        set_to("metanetwork", 7),
        set_to("metanetwork", ["scalegmn"]),
        set_to("task", None),
        set_to("task", {"name": "trojan_detection", "classes": "many"}),
        set_to("data", 7),
        set_to("data", {"validation": "all"}),
        set_to("format", 2),
    ],
)
def test_a_changed_run_is_refused(
    harm: Callable[[dict[str, Any]], object], detector: Detector, tmp_path: Path
) -> None:
    copy = shutil.copytree(detector.run.folder, tmp_path / "run")
    data = json.loads((copy / RUN).read_text())
    harm(data)
    (copy / RUN).write_text(json.dumps(data))
    with pytest.raises(ScaleGMNError):
        Detector.open(copy)


def test_odd_versions_are_no_reason(detector: Detector, tmp_path: Path) -> None:
    copy = shutil.copytree(detector.run.folder, tmp_path / "run")
    data = json.loads((copy / RUN).read_text())
    (copy / RUN).write_text(json.dumps(data | {"versions": [1]}))
    assert "unknown" in Detector.open(copy).identity.warnings[0]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["shape", "size", "deviation", "precision", "missing"])
def test_statistics_that_do_not_fit_are_refused(harm: str, detector: Detector, tmp_path: Path) -> None:
    copy = shutil.copytree(detector.run.folder, tmp_path / "run")
    parts = dict(read_state(copy / TYPICALITY).tensors)
    if harm == "shape":
        parts["center"] = parts["center"][:-1]
    elif harm == "size":
        parts = {name: part[:3, :3] if part.ndim == 2 else part[:3] for name, part in parts.items()}
    elif harm == "deviation":
        parts["deviation"][0] = 0
    elif harm == "precision":
        # Every network would be like those of the training.
        parts["precision"].zero_()
    else:
        del parts["mean"]
    write_state(copy / TYPICALITY, {n: p.contiguous() for n, p in parts.items()}, overwrite=True)
    data = json.loads((copy / CALIBRATION).read_text())
    sha256 = read_state(copy / TYPICALITY).sha256
    (copy / CALIBRATION).write_text(json.dumps(data | {"typicality_sha256": sha256}))
    with pytest.raises(ConfigurationError, match="statistics"):
        Detector.open(copy)
