"""``python -m benchmarks.ship``, and what lies in the package."""

from __future__ import annotations

import importlib
import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ScaleGMNError
from scalegmn.shipped import Shelf, shipped_models
from scalegmn.training import Run
from scalegmn.trojans.repair import SHIPPED_REPAIRER
from scalegmn.trojans.scanning import Detector
from tests.shipped.stand_ins import ROOT, RUNS, STAND_INS, pack_run

NAME = "scalegmn/trojan-detector"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS / "detect", tmp_path / "run"))


def test_only_what_is_needed_is_kept(packed_models: Path) -> None:
    files = set(Shelf.open(packed_models).models[NAME].files)
    assert files == {
        *("README.md", "config.yaml", "run.json", "results.json"),
        *("calibration.json", "calibration.safetensors", "model/config.json", "model/model.safetensors"),
    }


def test_packed_models_predict_the_same(packed_models: Path) -> None:
    before, after = Run.open(RUNS / "detect"), Run.open(packed_models / "trojan-detector")
    for architecture in before.architectures:
        theta = torch.randn(3, architecture.num_parameters, generator=torch.Generator().manual_seed(1))
        assert torch.equal(before.outputs(architecture, theta), after.outputs(architecture, theta))
    ours, theirs = Detector.open(RUNS / "detect"), Detector.open(packed_models / "trojan-detector")
    assert ours.calibration.threshold == theirs.calibration.threshold
    assert np.array_equal(ours.calibration.clean, theirs.calibration.clean)


def test_paths_of_a_machine_are_left_out(run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / "run.json").read_text())
    secret = str(tmp_path / "secret" / "twins")
    facts["data"]["population"] = secret
    facts["populations"]["population"]["folder"] = secret
    facts["command"] = f"scalegmn train --data.population {secret} --output={secret} --where '{{a: 1/2}}'"
    (run / "run.json").write_text(json.dumps(facts))
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("population: twins", f"population: {secret}"))
    pack_run(run, name=NAME, into=tmp_path / "models")
    packed = tmp_path / "models" / "trojan-detector"
    for path in packed.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path
    found = json.loads((packed / "run.json").read_text())
    assert found["data"]["population"] == found["populations"]["population"]["folder"] == "twins"
    assert found["command"] == "scalegmn train --data.population twins --output=twins --where '{a: 1/2}'"


def test_the_card_says_what_the_folder_says(packed_models: Path) -> None:
    model = Shelf.open(packed_models).models[NAME]
    card = model.card()
    weights = model.files["model/model.safetensors"].sha256
    for part in ("# scalegmn/trojan-detector\n", "Says nothing", "- auroc: 0.46\n", "16 for train", weights):
        assert part in card
    assert "1-3-3-10 (relu, relu)" in card and "--training.epochs 2" in card


def test_what_predicts_otherwise_is_not_packed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    pack_run(run, name=NAME, into=folder)
    before = (folder / "index.json").read_bytes()
    monkeypatch.syspath_prepend(str(ROOT))
    ship = importlib.import_module("benchmarks.ship")
    original = ship.copy

    def damaging(run: Path, packed: Path) -> None:
        original(run, packed)
        path = packed / "model" / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-256:] = bytes(256)
        path.write_bytes(bytes(content))

    monkeypatch.setattr(ship, "copy", damaging)
    with pytest.raises(ScaleGMNError, match="predicts otherwise"):
        ship.pack(run, name=NAME, card="Other words.", into=folder)
    assert (folder / "index.json").read_bytes() == before
    Shelf.open(folder).models[NAME].verify()
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "trojan-detector"]


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("trojan-detector", "Words."),
        ("scalegmn/../x", "Words."),
        ("scalegmn/Detector", "Words."),
        (NAME, "# A\n"),
    ],
)
def test_wrong_names_and_empty_cards_are_refused(run: Path, tmp_path: Path, name: str, card: str) -> None:
    with pytest.raises(ScaleGMNError, match=r"no name of a model|empty"):
        pack_run(run, name=name, into=tmp_path / "models", card=card)
    assert not (tmp_path / "models" / "index.json").exists()


@pytest.mark.slow
def test_a_model_is_replaced(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    pack_run(run, name=NAME, into=folder)
    (run / "results.json").unlink()
    pack_run(run, name=NAME, into=folder, card="Another one.")
    model = Shelf.open(folder).models[NAME]
    assert model.summary == "Another one" and "results.json" not in model.files
    model.verify()


def test_all_kinds_of_models_can_be_packed(packed_models: Path) -> None:
    tasks = {name: model.task for name, model in Shelf.open(packed_models).models.items()}
    assert set(tasks) == set(STAND_INS) and len(set(tasks.values())) == len(STAND_INS)


def test_models_of_the_package_are_whole_and_small() -> None:
    models = shipped_models()
    for model in models:
        assert model.card().startswith("# ")
        # The repairer is a description of images, and no training.
        if model.name != SHIPPED_REPAIRER:
            Run.open(model.name)
    assert sum(model.size for model in models) < 2**23


def test_models_are_data_of_the_package() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "shipped/models/**/*" in tool["setuptools"]["package-data"]["scalegmn"]
