from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models import ScaleGMN
from scalegmn.shipped import folder_name, is_shipped, located, located_model, shipped_model, shipped_models
from scalegmn.training import Run
from tests.shipped.stand_ins import RUNS, STAND_INS, stand_in

NAME = "scalegmn/cnn-accuracy"


@pytest.mark.slow
def test_names_are_found_without_network(shipped: Path) -> None:
    assert {model.name for model in shipped_models()} == set(STAND_INS)
    assert located(NAME) == located(Path(NAME)) == shipped / "cnn-accuracy"
    assert located_model(NAME) == shipped / "cnn-accuracy" / "model"
    model = ScaleGMN.from_pretrained(NAME)
    same = ScaleGMN.from_pretrained(RUNS / "regress" / "model")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))


def test_runs_open_by_name(shipped: Path) -> None:
    run = Run.open("scalegmn/trojan-detector")
    assert run.task.name == "trojan_detection" and is_shipped(run.folder)
    assert folder_name(run.folder) == "scalegmn/trojan-detector"
    assert not is_shipped(RUNS) and folder_name(RUNS / "detect") == "detect"


def test_other_paths_stay_what_they_are(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("runs/detector", "someone/trojan-detector", "scalegmn", "scalegmn/a/b", f"/{NAME}"):
        assert located(place) == Path(place)
    with pytest.raises(ConfigurationError, match="no model configuration can be read"):
        ScaleGMN.from_pretrained("someone/trojan-detector")


def test_a_folder_takes_no_name(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for own in ("trojan-detector", "of-mine"):
        shutil.copytree(RUNS / "classify", tmp_path / "scalegmn" / own)
    assert Run.open("scalegmn/trojan-detector").task.name == "trojan_detection"
    assert Run.open(tmp_path / "scalegmn" / "trojan-detector").task.name == "classification"
    assert located("scalegmn/of-mine") == Path("scalegmn/of-mine")


def test_unknown_names_are_one_sentence(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=r"no model of this name ships .* mean scalegmn/trojan-det"):
        located("scalegmn/trojan-detecter")
    with pytest.raises(ConfigurationError, match="there are scalegmn/classifier, "):
        shipped_model("scalegmn/xyzzy")
    stand_in(tmp_path, monkeypatch)
    assert shipped_models() == ()
    with pytest.raises(ConfigurationError, match="no models ship with this version"):
        Run.open("scalegmn/trojan-detector")


def test_damage_is_found_before_anything_is_read(
    packed_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stand_in(Path(shutil.copytree(packed_models, tmp_path / "models")), monkeypatch)
    (folder / "cnn-accuracy" / "model" / "config.json").write_text("{}")
    for opened in (Run.open, ScaleGMN.from_pretrained):
        with pytest.raises(CheckpointError, match=r"cnn-accuracy: its file .*config.json has 2 bytes"):
            opened(NAME)
