"""What a scan says about the networks that its detector knows."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.cli.main import main
from scalegmn.networks import Activation, cnn, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.trojans.scanning import Detector, NetworkFamily, Verdict, scan, scan_page, to_sarif
from tests.trojans.scanning.cases import write_networks
from tests.trojans.scanning.scan_cases import report


def test_sizes_of_images_are_those_of_programs_and_of_the_run() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2))
    program = ProgramArchitecture.from_module(module, torch.zeros(1, 1, 8, 8))
    layers = cnn(channels=(1, 4, 8), activations=(Activation("relu"), Activation("relu")), kernel=5)
    stated = {"images": ["28 x 28", "8 x 8", "<b>", "0 x 3", 5]}
    family = NetworkFamily.of((program, layers), stated)
    assert family.images == ("8 x 8", "28 x 28")
    assert family.describe() == "2 architectures on 8 x 8 and 28 x 28 images"
    assert NetworkFamily.of((layers,), {"images": "28 x 28"}).describe() == "1 architecture"
    vectors = ProgramArchitecture.from_module(torch.nn.Linear(3, 2), torch.zeros(1, 3))
    assert NetworkFamily.of((vectors,), {}).images == ()


def test_files_of_no_known_network_are_counted(small_detector: Detector, tmp_path: Path) -> None:
    paths = write_networks(tmp_path, count=2)
    other = mlp(widths=(4, 6, 3), activations=[Activation("relu")])
    theta = torch.randn(other.num_parameters, generator=torch.Generator().manual_seed(0))
    write_state(tmp_path / "other.safetensors", other.unflatten(theta), extras={"activation": "relu"})
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    found = scan([tmp_path], detector=small_detector)
    assert len(found.paths) == 4 and found.known == len(paths)
    assert found.knowledge == "the detector run knows 1 architecture; 2 of your 4 files are of it"
    assert found.to_dict()["family"] == {
        "architectures": ("4-5-3 (relu), 43 parameters",),
        "images": (),
        "any_width": False,
        "files": 2,
    }


def test_a_folder_of_other_networks_is_code_3(
    small_detector: Detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    other = mlp(widths=(4, 6, 6, 3), activations=[Activation("relu")] * 2)
    for number in range(3):
        theta = torch.randn(other.num_parameters, generator=torch.Generator().manual_seed(number))
        write_state(folder / f"{number}.safetensors", other.unflatten(theta), extras={"activation": "relu"})
    out = tmp_path / "scan.json"
    run = str(small_detector.run.folder)
    assert main(["scan", str(folder), "--detector", run, "--json", str(out), "--quiet"]) == 3
    assert "knows 1 architecture; 0 of your 3 files are of it" in capsys.readouterr().out
    assert json.loads(out.read_text())["family"]["files"] == 0


def test_all_reports_say_what_the_detector_knows() -> None:
    family = NetworkFamily(("a <b>", "c"), ("28 x 28", "32 x 32"))
    found = dataclasses.replace(report(), family=family)
    assert found.known == sum(
        any(one.verdict in (Verdict.clean, Verdict.suspect) for one in own) for own in found.paths.values()
    )
    assert "knows 2 architectures on 28 x 28 and 32 x 32 images; 3 of your 5 files" in scan_page(found)
    properties = to_sarif(found, exit_code=1)["runs"][0]["properties"]
    assert properties["family"]["files"] == 3 and properties["family"]["images"] == ("28 x 28", "32 x 32")
