"""All hostile kinds at once: none runs, none ends the scan, none is found clean."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.trojans.scanning import Detector, ScanSettings, Verdict, scan
from tests.trojans.scanning.cases import architecture, networks
from tests.trojans.scanning.malice import DEADLY, HIDDEN, malicious_files, special_entries

PAGE = Path(__file__).parents[3] / "docs" / "scanning.md"
# Of the malicious files, these are harmless here: contents decide what a file is.
HARMLESS = {"wrong_suffix.safetensors"}


@pytest.mark.slow
def test_hostile_kinds(small_detector: Detector, tmp_path: Path) -> None:
    theta, _, _ = networks(1, seed=7)
    honest = {name: value.clone() for name, value in architecture().unflatten(theta[0]).items()}
    marker = tmp_path / "marker"
    root = tmp_path / "inside"
    kinds = {path.name for path in malicious_files(root, marker, honest)} - HARMLESS
    kinds |= set(special_entries(root, tmp_path / "outside"))
    for name, content in DEADLY.items():
        (root / name).write_bytes(content)
    for name, hide in HIDDEN.items():
        torch.save(hide(honest), root / f"{name}.pt")
    kinds |= {*DEADLY, *(f"{name}.pt" for name in HIDDEN)}
    before = set(tmp_path.rglob("*"))
    report = scan(
        [root],
        detector=small_detector,
        settings=ScanSettings(activation="relu", max_bytes=2**20),
    )
    found = {Path(path).relative_to(root).as_posix(): results for path, results in report.paths.items()}
    assert found.keys() - HARMLESS == kinds and not report.skipped
    harmful = [result for name in kinds for result in found[name]]
    assert all(result.verdict in (Verdict.error, Verdict.abstain, Verdict.suspect) for result in harmful)
    assert all(result.reason or result.unread for result in harmful)
    assert not marker.exists() and set(tmp_path.rglob("*")) == before
    assert f"{len(kinds)} kinds of hostile files" in PAGE.read_text(encoding="utf-8")
