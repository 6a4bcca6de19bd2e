from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import read_state
from scalegmn.cli.main import main
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase

ARCHITECTURE = siren(widths=(2, 4, 1))


@pytest.fixture
def population(tmp_path: Path) -> Population:
    theta = torch.randn(5, ARCHITECTURE.num_parameters, generator=generator(0))
    with PopulationWriter(tmp_path / "networks", provenance={"maker": "test"}) as writer:
        writer.append(ARCHITECTURE, theta, {"label": [0, 1, 2, 3, 4]})
        writer.finish()
    return Population.open(tmp_path / "networks")


def test_population(population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["canonicalize", str(population.folder), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    copy = Population.open(tmp_path / "out")
    theta = copy.theta(range(5))
    assert torch.equal(theta, canonicalize_sine_phase(ARCHITECTURE, population.theta(range(5))))
    bias = ARCHITECTURE.parameter("seq.0.bias")
    assert theta[:, bias.start : bias.stop].abs().max() <= math.pi / 60 + 1e-6
    assert copy.column("label").tolist() == [0, 1, 2, 3, 4]
    assert "5 networks" in capsys.readouterr().out


def test_published_folder(fashion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = fashion / "fmnist_inrs" / "train" / "model_1.pth"
    damaged.write_bytes(b"nothing")
    out = tmp_path / "out"
    arguments = [
        "canonicalize",
        str(fashion),
        "-o",
        str(out),
        "--collection",
        "fashion_mnist_inrs",
        "--quiet",
    ]
    assert main(arguments) == 0
    before = read_state(fashion / "fmnist_inrs" / "test" / "model_1.pth")
    after = read_state(out / "fmnist_inrs" / "test" / "model_1.pth")
    assert after.extras == before.extras
    expected = canonicalize_sine_phase(siren(), siren().flatten(before.tensors))
    assert torch.equal(siren().flatten(after.tensors), expected)
    shown = capsys.readouterr().out
    assert "4 networks" in shown
    assert "refused fmnist_inrs/train/model_1.pth" in shown


def test_formats_are_not_mixed_up(
    population: Population, fashion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["-o", str(tmp_path / "out")]
    assert main(["canonicalize", str(fashion), *out]) == 2
    assert "name its format with --collection" in capsys.readouterr().err
    assert main(["canonicalize", str(population.folder), *out, "--collection", "mnist_inrs"]) == 2
    assert "leave --collection out" in capsys.readouterr().err
    assert main(["canonicalize", str(fashion), *out, "--collection", "fashion_mnist_inrs", "--resume"]) == 2
    assert "--resume works for populations only" in capsys.readouterr().err
    assert main(["canonicalize", str(tmp_path / "nowhere"), *out]) == 3
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_copy_in_use(population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["canonicalize", str(population.folder), "-o", str(tmp_path / "out"), "--quiet"]
    assert main(arguments) == 0
    assert main(arguments) == 3
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
