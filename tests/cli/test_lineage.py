"""The command that tells who descends from whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.cli.main import main
from scalegmn.networks import Activation, mlp
from scalegmn.symmetry import random_symmetry

NETWORK = mlp(widths=(5, 10, 10, 3), activations=[Activation("relu")] * 2)


def write(path: Path, theta: torch.Tensor, dtype: torch.dtype = torch.float32) -> None:
    write_state(path, {name: value.to(dtype) for name, value in NETWORK.unflatten(theta).items()})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "networks"
    found.mkdir()
    generator = torch.Generator().manual_seed(0)
    base, stranger = torch.randn(2, NETWORK.num_parameters, generator=generator, dtype=torch.float64)
    move = random_symmetry(NETWORK, generator=generator)
    for name in ("one", "two"):
        child = base + 0.05 * torch.randn(base.shape, generator=generator, dtype=torch.float64)
        write(found / f"{name}.safetensors", move.apply(child[None])[0])
    write(found / "base.safetensors", base)
    write(found / "rounded.safetensors", move.apply(base[None])[0], torch.bfloat16)
    write(found / "stranger.safetensors", stranger)
    return found


@pytest.mark.slow
def test_a_table_a_tree_and_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ["--json", str(tmp_path / "out.json"), "--picture", str(tmp_path / "out.png")]
    assert main(["lineage", str(folder), "--activation", "relu", "--quiet", *results]) == 0
    text = capsys.readouterr().out
    assert "4 networks in 1 families, 1 without relatives" in text
    found = json.loads((tmp_path / "out.json").read_text())
    members = {Path(one["name"]).stem: one for one in found["networks"]}
    base = str(folder / "base.safetensors")
    assert [members[name]["parent"] for name in ("base", "one", "two", "rounded")] == [None, base, base, base]
    assert members["rounded"]["evidence"] == "rounded" and members["rounded"]["same_as"] == [base]
    assert members["stranger"]["family"] == 1 and found["errors"] == []
    cells = [line.split("│")[1] for line in text.splitlines() if line.startswith("│")]
    assert [one.rstrip() for one in cells] == [
        " base.safetensors",
        "   one.safetensors",
        "   rounded.safetensors",
        "   two.safetensors",
    ]
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_one_broken_file_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.pt").write_bytes(b"PK\x03\x04 cut short")
    torch.save(NETWORK.unflatten(torch.full((NETWORK.num_parameters,), torch.nan)), folder / "nan.pt")
    assert main(["lineage", str(folder), "--activation", "relu", "--quiet"]) == 3
    printed = capsys.readouterr()
    assert "4 networks in 1 families, 1 without relatives" in printed.out
    errors = [line for line in printed.err.splitlines() if line.startswith("scalegmn lineage: error:")]
    assert len(errors) == 2 and "broken.pt" in errors[0] and "nan.pt" in errors[1]


def test_a_missing_activation_is_said_of_each_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", str(folder), "--quiet"]) == 3
    assert capsys.readouterr().err.count("scalegmn lineage: error:") == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--nearest", "0"], "--nearest is 0, expected 1 or more"),
        (["--related", "1"], "--related is 1.0, expected a number between 0 and 1"),
        (["--json", "FOLDER/base.safetensors"], "exists and was left alone"),
    ],
)
def test_wrong_options(
    folder: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [one.replace("FOLDER", str(folder)) for one in options]
    assert main(["lineage", str(folder), "--quiet", *given]) == 2
    assert words in capsys.readouterr().err


def test_nothing_related_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "none.png"
    files = [str(folder / f"{name}.safetensors") for name in ("base", "stranger")]
    assert main(["lineage", *files, "--activation", "relu", "--quiet", "--picture", str(picture)]) == 0
    out, error = capsys.readouterr()
    assert "0 networks in 0 families, 2 without relatives" in out
    assert f"no networks are related, so that {picture} was not drawn" in error and not picture.exists()
