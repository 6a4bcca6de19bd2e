from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from scalegmn.cli import scan as command
from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.main import main
from scalegmn.trojans.scanning import Verdict
from tests.trojans.scanning.cases import detector_population, train_detector, write_networks


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector whose scores are of no interest, of networks with ReLU."""
    folder = tmp_path_factory.mktemp("scan")
    detector_population(folder / "population", activations=("relu",))
    return train_detector(
        folder / "run", folder / "population", training__epochs=1, detection__calibration="best"
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_networks(tmp_path / "files", count=6)
    return tmp_path / "files"


def scanned(run: Path, *arguments: object) -> int:
    return main(["scan", *map(str, arguments), "--detector", str(run), "--device", "cpu"])


def verdicts(path: Path) -> list[str]:
    return [entry["verdict"] for entry in json.loads(path.read_text())["files"]]


@pytest.mark.slow
def test_all_reports_of_one_scan(
    run: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"a": torch.full((2,), torch.nan)}, files / "nan.pt")
    out = {name: tmp_path / "out" / f"report.{name}" for name in ("json", "sarif", "html")}
    options = [word for name, path in out.items() for word in (f"--{name}", path)]
    code = scanned(run, files, *options, "--fpr", 0.1, "--fail-on", "abstain")
    captured = capsys.readouterr()
    data = json.loads(out["json"].read_text())
    assert code == data["exit_code"] == 3
    assert len(data["files"]) == 7 and data["summary"]["abstain"] == 1
    assert data["settings"]["fpr"] == 0.1 and data["detector"]["run"] == "run"
    assert all(len(entry["sha256"]) == 64 for entry in data["files"])
    assert json.loads(out["sarif"].read_text())["version"] == "2.1.0"
    assert out["html"].read_text().startswith("<!DOCTYPE html>")
    # Reports only: the journal was there for a crash.
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(p.name for p in out.values())
    assert captured.out.count("\n") == 8 and "7 files: " in captured.out
    assert "Scanning" not in captured.err, "bars are for terminals"


@pytest.mark.parametrize(
    ("files", "fail_on", "code"),
    [
        ("missing.pt", "suspect,error,abstain", 2),
        ("missing.pt", "suspect", 0),
        ("missing.pt", "none", 0),
        ("nan.pt", "suspect,error,abstain", 3),
        ("nan.pt missing.pt", "suspect,error,abstain", 2),
        ("nan.pt missing.pt", "abstain", 3),
    ],
)
def test_exit_codes(files: str, fail_on: str, code: int, run: Path, tmp_path: Path) -> None:
    torch.save({"a": torch.full((2,), torch.nan)}, tmp_path / "nan.pt")
    paths = [tmp_path / name for name in files.split()]
    assert scanned(run, *paths, "--fail-on", fail_on, "--quiet") == code


@pytest.mark.slow
def test_suspects_come_before_errors_and_clean_files_pass(run: Path, files: Path, tmp_path: Path) -> None:
    # With a fraction of nearly 1 every evaluated file is suspect; with the smallest few are.
    assert scanned(run, files, tmp_path / "none.pt", "--fpr", 0.999, "--quiet") == 1
    report = tmp_path / "report.json"
    scanned(run, files, "--fpr", 0.06, "--json", report, "--quiet")
    clean = [
        path
        for path, verdict in zip(sorted(files.iterdir()), verdicts(report), strict=True)
        if verdict == Verdict.clean.value
    ]
    assert clean and scanned(run, *clean, "--fpr", 0.06, "--quiet") == 0


def test_names_cannot_forge_lines(run: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = files / "\x1b[31m\nclean   all.safetensors"
    next(files.iterdir()).rename(evil)
    scanned(run, evil, "--quiet", "--fpr", 0.999)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "\\x1b[31m\\nclean   all" in lines[0]


@pytest.mark.slow
def test_a_scan_is_resumed_after_an_interruption(
    run: Path,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "report.json"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    journals = tmp_path / "state" / "scalegmn" / "journals"

    def interrupted(*arguments: object, **options: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "report_json", interrupted)
        assert scanned(run, files, "--json", report, "--quiet", "--fail-on", "none", "--resume") == 4
    (journal,) = journals.iterdir()
    assert journal.stat().st_mode & 0o777 == 0o600 and not report.exists()
    # The first scan kept the journal of its own question; another question has another.
    assert scanned(run, files, "--quiet", "--fail-on", "none", "--resume", "--fpr", 0.2) == 0
    assert "journal" not in capsys.readouterr().out
    assert scanned(run, files, "--json", report, "--quiet", "--fail-on", "none", "--resume") == 0
    assert "6 predictions came from the journal" in capsys.readouterr().out
    assert not journal.exists() and len(verdicts(report)) == 6
    assert json.loads(report.read_text())["summary"]["from_journal"] == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fpr", "0.0001"], "p-value below"),
        (["--fpr", "2"], "fpr is 2"),
        (["--prior", "0"], "prior is 0"),
        (["--fail-on", "doubtful"], "'doubtful' is none of"),
        (["--activation", "nonsense"], "nonsense"),
        (["--key", "model"], "--key"),
        (["--key-file", "key"], "--manifest"),
        (["--json", "a", "--sarif", "./a"], "one report would replace the other"),
        (["--html", "."], "is a folder"),
    ],
)
def test_wrong_options_do_nothing(
    options: list[str], words: str, run: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scanned(run, files, *options) == USAGE
    assert words in capsys.readouterr().err


def test_a_folder_that_is_no_detector_has_the_code_of_errors(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scanned(tmp_path / "nothing", files) == 2
    (tmp_path / "model").mkdir()
    (tmp_path / "run.json").write_text("{}")
    assert scanned(tmp_path, files) == 2
    assert "format" in capsys.readouterr().err


def test_a_manifest_binds_the_files(
    run: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "README.md").write_text("hello")
    manifest, key = tmp_path / "manifest.json", tmp_path / "key"
    key.write_text("a secret of sixteen bytes or more")
    scanned(run, files, "--fpr", 0.06, "--manifest", manifest, "--key-file", key, "--quiet")
    entries = {entry["path"]: entry for entry in json.loads(manifest.read_text())["entries"]}
    assert set(entries) == {path.name for path in files.iterdir()}
    assert entries["README.md"]["verdict"] == "skipped"
    for path in files.iterdir():
        if entries[path.name]["verdict"] not in ("clean", "skipped"):
            assert entries[path.name]["verdict"] == "suspect"
    bad = any(entry["verdict"] == "suspect" for entry in entries.values())
    assert main(["verify", str(manifest), "--key-file", str(key)]) == int(bad)
    next(files.iterdir()).write_bytes(b"other")
    assert main(["verify", str(manifest), "--key-file", str(key)]) == 1
    # A report among the files would be one that nobody evaluated.
    assert scanned(run, files, "--manifest", manifest, "--json", files / "scan.json") == USAGE
    assert "lies in a scanned folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_that_cannot_be_written_hides_no_verdict(
    run: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    evil, page = tmp_path / "file" / "scan.json", tmp_path / "scan.html"
    assert scanned(run, files, "--json", evil, "--html", page, "--fail-on", "none", "--quiet") == 2
    captured = capsys.readouterr()
    assert "6 files: " in captured.out and page.is_file()
    assert "--json" in captured.err and "cannot be written" in captured.err
    # Nor is a scanned file written over.
    first = next(files.iterdir())
    content = first.read_bytes()
    assert scanned(run, files, "--json", first, "--fail-on", "none", "--quiet") == 2
    assert first.read_bytes() == content and "was left alone" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_on_the_standard_output_stands_alone(
    run: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scanned(run, files, "--json", "-", "--fail-on", "none")
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["files"]) == 6 and "6 files: " in captured.err
    scanned(run, files, "--json", "-", "--fail-on", "none", "--quiet")
    assert "6 files: " not in capsys.readouterr().err


@pytest.mark.slow
def test_skipped_files_count_where_they_shall(run: Path, files: Path, tmp_path: Path) -> None:
    (files / "README.md").write_text("hello")
    sarif = tmp_path / "scan.sarif"
    assert scanned(run, files, "--fail-on", "error", "--quiet", "--sarif", sarif) == 0
    assert scanned(run, files, "--fail-on", "error,skipped", "--quiet") == 3
    (result,) = json.loads(sarif.read_text())["runs"]
    notes = result["invocations"][0]["toolExecutionNotifications"]
    assert any("README.md was not looked at" in note["message"]["text"] for note in notes)
