from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from scalegmn.cli.main import main
from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMN
from scalegmn.networks import Activation, mlp, siren
from scalegmn.populations import PopulationWriter
from scalegmn.seeding import generator
from tests.checkpoints.hdf5_crafting import keras

SINE = siren(widths=(2, 4, 1))
RELU = mlp(widths=(2, 3, 1), activations=[Activation("relu")])


def info(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[str]]:
    """The cells of every row of all tables, by the first cell."""
    assert main(["info", str(path), "--format", "markdown", *options]) == 0
    rows: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        rows.setdefault(cells[0], cells[1:])
    return rows


@pytest.fixture
def population(tmp_path: Path) -> Path:
    folder = tmp_path / "networks"
    provenance = {"maker": "test", "recipe": {"steps": 7, "optimizer": None}}
    with PopulationWriter(folder, provenance=provenance) as writer:
        for architecture, labels in ((SINE, [0, 1, 1]), (RELU, [1, 2])):
            theta = torch.randn(len(labels), architecture.num_parameters, generator=generator(0))
            columns = {"label": labels, "name": ["a"] * len(labels), "mse": np.linspace(0, 1, len(labels))}
            writer.append(architecture, theta, columns, notes={"diverged": [[1, 2]]})
        writer.finish()
    return folder


def test_population(population: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = info(population, capsys)
    assert rows["networks"] == ["5"]
    assert rows["architectures"] == ["2"]
    assert rows["diverged"] == ["2"]
    assert rows["recipe.steps"] == ["7"]
    assert rows["recipe.optimizer"] == ["none"]
    assert rows["torch"] == [str(torch.__version__)]
    assert rows["label"] == ["int64", "0: 1, 1: 3, 2: 1"]
    assert rows["name"] == ["text", "a: 5"]
    assert rows["mse"][1].startswith("0 to 1, mean 0.5")
    theta = torch.randn(3, SINE.num_parameters, generator=generator(0))[:, : 2 * 4]
    assert rows["seq.0.weight"] == [
        "4 x 2",
        *(f"{float(x):.4g}" for x in (theta.mean(), theta.std(correction=0), theta.min(), theta.max())),
    ]
    assert "0.weight" in rows
    assert "verified" not in rows


def test_population_is_verified(population: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert info(population, capsys, "--verify")["verified"] == ["every checksum is right"]
    file = next(population.glob("*.f32"))
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(bytes(data))
    assert main(["info", str(population)]) == 0
    assert main(["info", str(population), "--verify"]) == 3
    assert "checksum" in capsys.readouterr().err


def test_unfinished_population(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PopulationWriter(tmp_path / "networks", provenance={}):
        pass
    assert main(["info", str(tmp_path / "networks")]) == 3
    assert "--resume" in capsys.readouterr().err


def test_checkpoint_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.pt"
    torch.save({"w": torch.tensor([[1.0, 3.0]], dtype=torch.float16), "label": 4}, path)
    rows = info(path, capsys)
    assert rows["w"] == ["1 x 2", "2", "1", "1", "3"]
    assert rows["precision"] == ["float16"]
    assert rows["entry 'label'"] == ["4"]


def test_keras_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(keras())
    rows = info(path, capsys)
    assert rows["tensors"] == ["4"] and rows["left out"] == ["optimizer"]
    assert rows["layers.dense.vars.0"][0] == "2 x 3" and "not" in rows["notes"][0]


def test_saved_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ScaleGMN(
        spec=GraphSpec.from_architectures([SINE]), outputs=3, config=ModelConfig(features=4, layers=1)
    )
    model.save_pretrained(tmp_path / "model")
    rows = info(tmp_path / "model", capsys)
    assert rows["model"] == ["ScaleGMN"]
    assert rows["config.features"] == ["4"]
    assert rows["spec.inputs"] == ["2"]
    assert any(name.startswith("backbone.") for name in rows)


def test_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    facts = {"format": 1, "metanetwork": "scalegmn", "architectures": [{"layers": []}]}
    (run / "run.json").write_text(json.dumps(facts))
    (run / "config.yaml").write_text("model:\n  features: 8\ntraining:\n  epochs: 2\n")
    (run / "metrics.csv").write_text("epoch,step,val/loss\n0,3,2.0\n1,6,1.25\n")
    rows = info(run, capsys)
    assert rows["state"][0].startswith("did not come to its end")
    assert rows["model.features"] == ["8"]
    assert rows["val/loss"] == ["2", "1.25", "2", "1.25", "2"]
    assert "architectures" not in rows
    (run / "model").mkdir()
    (run / "results.json").write_text(json.dumps({"test": {"accuracy": 0.51234567, "confusion": [[1]]}}))
    rows = info(run, capsys)
    assert rows["state"] == ["finished"]
    assert rows["test.accuracy"] == ["0.5123"]
    assert "test.confusion" not in rows


def test_terminal_table(population: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(population)]) == 0
    assert "│ networks" in capsys.readouterr().out


@pytest.mark.parametrize("made", [None, "folder", "empty"])
def test_nothing_known(made: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "thing"
    if made is not None:
        path.mkdir()
    if made == "folder":
        (path / "notes.txt").write_text("x")
    assert main(["info", str(path)]) == 2
    expected = {None: "does not exist", "folder": "is a folder with notes.txt", "empty": "is an empty folder"}
    assert expected[made] in capsys.readouterr().err


def test_damaged_checkpoint_and_superfluous_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"nothing")
    assert main(["info", str(path)]) == 3
    assert "net.npz" in capsys.readouterr().err
    assert main(["info", str(path), "--verify"]) == 2
    assert "is no population" in capsys.readouterr().err


def test_a_folder_of_another_program_is_one_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    for number in (1, 2):
        state = {f"layer{number}.weight": torch.ones(number, 3)}
        save_file(state, folder / f"model-0000{number}-of-00002.safetensors")
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "layer1.weight" in said and "layer2.weight" in said and "2 files were read as one" in said


def test_a_key_chooses_one_of_several_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "both.ckpt"
    torch.save({"net": {"a": torch.ones(2)}, "ema": {"a": torch.zeros(2)}, "rest": [torch.ones(3)]}, path)
    assert main(["info", str(path)]) != 0
    assert "'net', 'ema'" in capsys.readouterr().err
    assert main(["info", str(path), "--key", "ema"]) == 0
    said = capsys.readouterr().out
    assert "net.a" in said and "rest.0" in said
