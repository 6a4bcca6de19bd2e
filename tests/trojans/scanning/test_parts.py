"""Networks that lie in several files are evaluated as one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from scalegmn.checkpoints import FoundFile
from scalegmn.cli.main import main
from scalegmn.trojans.scanning import (
    Detector,
    FileResult,
    ScanReport,
    ScanSettings,
    Verdict,
    manifest_of,
    scan,
    to_sarif,
    verify,
)
from scalegmn.trojans.scanning._identity import Identity, identify
from tests.trojans.scanning.cases import architecture, networks

RELU = ScanSettings(activation="relu")
INDEX = "model.safetensors.index.json"
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def detector(small_detector: Detector) -> Detector:
    return small_detector


@pytest.fixture
def state() -> dict[str, Tensor]:
    """Of a network that the detector is not alarmed by."""
    theta, _, _ = networks(1, seed=7)
    return {name: value.clone() for name, value in architecture().unflatten(theta[0]).items()}


def halves(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    names = list(state)
    return {name: state[name] for name in names[:2]}, {name: state[name] for name in names[2:]}


def write_parts(
    folder: Path, state: Mapping[str, Tensor], *, names: tuple[str, str] = PARTS, index: str | None = INDEX
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    owners = {}
    for name, half in zip(names, halves(state), strict=True):
        save_file(half, folder / name, metadata={"format": "pt"})
        owners |= dict.fromkeys(half, name)
    if index is not None:
        (folder / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": owners}))
    return folder


def judged(detector: Detector, *paths: Path, **changes: int) -> ScanReport:
    return scan(paths, detector=detector, settings=dataclasses.replace(RELU, **changes))


def one(report: ScanReport) -> FileResult:
    (result,) = report.files
    return result


def verdicts(report: ScanReport, folder: Path) -> dict[str, Verdict]:
    return {os.path.relpath(result.path, folder): result.verdict for result in report.files}


def test_parts_and_their_index_are_one_network(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    folder = write_parts(tmp_path / "parts", state)
    (folder / "config.json").write_text("{}")
    save_file(state, tmp_path / "whole.safetensors")
    report = judged(detector, folder)
    result, whole = one(report), one(judged(detector, tmp_path / "whole.safetensors"))
    assert result.path == str(folder / INDEX) and result.verdict is whole.verdict
    assert result.logit == pytest.approx(whole.logit, abs=1e-6)
    lines = [f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n" for name in PARTS]
    assert result.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert result.size == sum((folder / name).stat().st_size for name in PARTS)
    assert any("2 files were read as one network" in note for note in result.notes)
    assert report.skipped == (str(folder / "config.json"),)
    assert [Path(part["path"]).name for part in report.to_dict()["files"][0]["parts"]] == [INDEX, *PARTS]
    artifacts = to_sarif(report, exit_code=0)["runs"][0]["artifacts"]
    assert len(artifacts) == 3 and len({artifact["hashes"]["sha-256"] for artifact in artifacts}) == 3


def test_numbered_parts_need_no_index(detector: Detector, state: dict[str, Tensor], tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "parts", state, index=None)
    alone = one(judged(detector, folder))
    assert alone.path == str(folder) and alone.logit is not None
    # Where there is more, the name of the folder would promise too much.
    torch.save({"a": torch.ones(2, 2)}, folder / "other.pt")
    report = judged(detector, tmp_path)
    assert verdicts(report, folder) == {PARTS[0]: alone.verdict, "other.pt": Verdict.abstain}
    names = ("pytorch_model-00000-of-00002.bin", "pytorch_model-00001-of-00002.bin")
    (tmp_path / "bin").mkdir()
    for name, half in zip(names, halves(state), strict=True):
        torch.save(half, tmp_path / "bin" / name)
    assert one(judged(detector, tmp_path / "bin")).logit == pytest.approx(alone.logit, abs=1e-6)


def test_parts_that_are_given_stay_files(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    folder = write_parts(tmp_path, state)
    paths = [folder / name for name in (*PARTS, INDEX)]
    report = judged(detector, *paths)
    assert list(verdicts(report, folder).values()) == [Verdict.abstain, Verdict.abstain, Verdict.error]
    both = judged(detector, folder, paths[0])
    assert len(both.files) == 2 and verdicts(both, folder)[PARTS[0]] is Verdict.abstain
    # Of a file in two results the gravest counts.
    entries = {entry.path: entry.verdict for entry in manifest_of(both, [folder], without=()).entries}
    assert entries[PARTS[0]] == "abstain" and len(entries) == 3


def bad_index(owners: object) -> Callable[[Path], None]:
    return lambda folder: (folder / INDEX).write_text(json.dumps({"weight_map": owners})) and None


def stretched(name: str) -> Callable[[Path], None]:
    """The index names one part more."""

    def harm(folder: Path) -> None:
        data = json.loads((folder / INDEX).read_text())
        data["weight_map"]["more"] = name
        (folder / INDEX).write_text(json.dumps(data))

    return harm


def linked_part(folder: Path) -> None:
    (folder / PARTS[1]).unlink()
    (folder / PARTS[1]).symlink_to(folder / "nowhere")


HARMS: dict[str, Callable[[Path], None]] = {
    "missing part": lambda folder: (folder / PARTS[1]).unlink(),
    "damaged part": lambda folder: (folder / PARTS[1]).write_bytes(b"\x08"),
    "empty part": lambda folder: (folder / PARTS[0]).write_bytes(b""),
    "link to nowhere": linked_part,
    "no JSON": lambda folder: (folder / INDEX).write_text("{") and None,
    "nested": lambda folder: (folder / INDEX).write_text("[" * 100_000) and None,
    "no names": bad_index({"0.weight": 3}),
    "no parts": bad_index({}),
    "a list": bad_index(["a"]),
    "another owner": bad_index({"0.weight": PARTS[1], "0.bias": PARTS[0]}),
    "too little": bad_index({"0.weight": PARTS[0], "0.bias": PARTS[0]}),
    "upwards": stretched("../whole.safetensors"),
    "root": stretched("/etc/passwd"),
    "itself": stretched(INDEX),
    "a dot": stretched("."),
    "backslash": stretched("..\\whole.safetensors"),
    "null byte": stretched("a\0b"),
    "half a character": stretched("\ud800"),
    "very long": stretched("x" * 100_000),
    "absent": stretched("model-00003-of-00003.safetensors"),
    "escapes": stretched("\x1b[2J"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_no_network_is_one_error(
    harm: str, detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    folder = write_parts(tmp_path / "parts", state)
    save_file(state, tmp_path / "whole.safetensors")
    HARMS[harm](folder)
    report = judged(detector, folder)
    wrong = [result for result in report.files if result.path == str(folder / INDEX)]
    assert len(wrong) == 1 and wrong[0].verdict is Verdict.error and wrong[0].reason
    assert len(wrong[0].reason) <= 500 and wrong[0].reason.isprintable()
    # Nothing outside is read.
    assert len(report.files) == 1
    assert all(path.startswith(str(folder)) for path in report.every_path)
    manifest = manifest_of(report, [folder], without=())
    assert {Path(entry.path).name for entry in manifest.entries} >= {path.name for path in folder.iterdir()}
    assert verify(manifest, folder).clean == 0


def test_an_index_that_changes_between_two_looks_is_an_error(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_parts(tmp_path, state)

    def changing(found: FoundFile, *, max_bytes: int) -> Identity:
        known = identify(found, max_bytes=max_bytes)
        (folder / INDEX).write_text((folder / INDEX).read_text() + " ")
        return known

    monkeypatch.setattr("scalegmn.trojans.scanning._steps.identify", changing)
    assert "the index was changed" in str(one(judged(detector, folder)).reason)


@pytest.mark.slow
def test_no_file_hides_behind_an_index(detector: Detector, state: dict[str, Tensor], tmp_path: Path) -> None:
    """What is called a part, but is none by its name, is evaluated by itself unless the whole was
    evaluated.
    """
    save_file(state, tmp_path / "a.safetensors")
    save_file({"junk": torch.ones(2, 2)}, tmp_path / "b.safetensors")
    owners = dict.fromkeys(state, "a.safetensors") | {"junk": "b.safetensors"}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": owners}))
    found = verdicts(judged(detector, tmp_path), tmp_path)
    alone = one(judged(detector, tmp_path / "a.safetensors")).verdict
    assert found == {INDEX: Verdict.abstain, "a.safetensors": alone, "b.safetensors": Verdict.abstain}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": owners | {"none": "a.safetensors"}}))
    found = verdicts(judged(detector, tmp_path), tmp_path)
    assert found == {INDEX: Verdict.error, "a.safetensors": alone, "b.safetensors": Verdict.abstain}


def test_whole_files_beside_an_index(detector: Detector, state: dict[str, Tensor], tmp_path: Path) -> None:
    write_parts(tmp_path, state)
    save_file({"other": torch.ones(2, 2)}, tmp_path / "model.safetensors")
    found = verdicts(judged(detector, tmp_path), tmp_path)
    assert set(found) == {INDEX, "model.safetensors"} and found["model.safetensors"] is Verdict.abstain
    # An index that names the whole file is no second network.
    for name in PARTS:
        (tmp_path / name).unlink()
    save_file(state, tmp_path / "model.safetensors")
    bad_index(dict.fromkeys(state, "model.safetensors"))(tmp_path)
    result = one(judged(detector, tmp_path))
    assert result.path == str(tmp_path / INDEX) and result.logit is not None


def test_a_part_of_two_indices_is_in_no_network(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    write_parts(tmp_path, state)
    (tmp_path / "second.safetensors.index.json").write_text((tmp_path / INDEX).read_text())
    report = judged(detector, tmp_path)
    assert set(verdicts(report, tmp_path).values()) == {Verdict.error} and len(report.files) == 2
    assert all("its part, and so does" in str(result.reason) for result in report.files)


def test_parts_of_two_networks(detector: Detector, state: dict[str, Tensor], tmp_path: Path) -> None:
    write_parts(tmp_path, state, index=None)
    others = tuple(name.replace("model", "other") for name in PARTS)
    write_parts(tmp_path, state, names=others, index=None)
    report = judged(detector, tmp_path)
    assert [Path(result.path).name for result in report.files] == [PARTS[0], others[0]]
    assert report.files[0].logit == pytest.approx(report.files[1].logit, abs=1e-6)
    # The parts of each without one are two errors, also where together they look like all.
    (tmp_path / PARTS[0]).unlink()
    (tmp_path / others[1]).rename(tmp_path / "model-00003-of-00003.safetensors")
    found = judged(detector, tmp_path).files
    assert [result.verdict for result in found] == [Verdict.error] * 3
    assert all("copy the others too" in str(result.reason) for result in found)


def test_many_small_parts_do_not_unpack_to_more(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    write_parts(tmp_path, state)
    size = one(judged(detector, tmp_path)).size
    assert size is not None
    assert "max_bytes" in str(one(judged(detector, tmp_path, max_bytes=size - 1)).reason)
    assert one(judged(detector, tmp_path, max_bytes=size)).logit is not None


def test_a_manifest_binds_every_part(detector: Detector, state: dict[str, Tensor], tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "parts", state)
    report = judged(detector, folder)
    clean = (dataclasses.replace(one(report), verdict=Verdict.clean),)
    manifest = manifest_of(dataclasses.replace(report, files=clean), [folder], without=())
    assert sorted(entry.path for entry in manifest.entries) == sorted([INDEX, *PARTS])
    found = verify(manifest, folder)
    assert not found.differences and found.clean == 3
    for name in (INDEX, *PARTS):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + b" ")
        assert [(one.kind, one.path) for one in verify(manifest, folder).differences] == [("changed", name)]
        (folder / name).write_bytes(content)


def test_answers_of_a_journal_hold_for_the_same_parts_and_index(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path
) -> None:
    folder, journal = write_parts(tmp_path / "parts", state), tmp_path / "journal"
    scan([folder], detector=detector, settings=RELU, journal=journal)
    moved = folder.rename(tmp_path / "moved")

    def again() -> FileResult:
        return one(scan([moved], detector=detector, settings=RELU, journal=journal, resume=True))

    assert again().from_journal and again().path == str(moved / INDEX)
    # Neither is a file with the text that the checksum is of.
    lines = [f"{name} {hashlib.sha256((moved / name).read_bytes()).hexdigest()}\n" for name in PARTS]
    fake = tmp_path / "fake.json"
    fake.write_text("".join(lines))
    report = scan([fake], detector=detector, settings=RELU, journal=journal, resume=True)
    assert one(report).verdict is Verdict.error
    HARMS["another owner"](moved)
    assert again().verdict is Verdict.error


def test_reports_do_not_write_over_parts(
    detector: Detector, state: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_parts(tmp_path / "parts", state)
    content = (folder / PARTS[1]).read_bytes()
    options = ["--detector", str(detector.run.folder), "--device", "cpu", "--activation", "relu"]
    assert main(["scan", str(folder), *options, "--html", str(folder / PARTS[1])]) == 2
    assert "left alone" in capsys.readouterr().err and (folder / PARTS[1]).read_bytes() == content
