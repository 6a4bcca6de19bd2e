"""A metanetwork in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from scalegmn.checkpoints import read_state, write_state
from scalegmn.configuration import from_plain, to_plain
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.graph import NetworkBatch, batch_graphs
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from tests.models.cases import CONFIGS, editor_of, model_of, networks_of

NETWORKS = networks_of(1)
CONFIG = ModelConfig(
    features=6,
    layers=2,
    direction=Direction.bidirectional,
    symmetry=Symmetry.scaling,
    readout="full_graph",
    skip=True,
    dropout=0.25,
    mlp_hidden=5,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved model."""
    model_of(NETWORKS, CONFIG, dtype=torch.float32).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_model_comes_back_as_it_was(tmp_path: Path, dtype: torch.dtype) -> None:
    model = model_of(NETWORKS, CONFIG, dtype=dtype)
    graph = batch_graphs(NETWORKS[0][0], NETWORKS[0][1].to(dtype))
    model.fit_scale(NetworkBatch.from_parameters(NETWORKS[0][0], NETWORKS[0][1].to(dtype)))
    model.save_pretrained(tmp_path / "a" / "b")
    again = ScaleGMN.from_pretrained(tmp_path / "a" / "b")
    assert (again.config, again.spec, again.outputs) == (model.config, model.spec, model.outputs)
    assert not again.training
    with torch.no_grad():
        assert torch.equal(model(graph), again(graph))


def test_editor_comes_back_as_it_was(tmp_path: Path) -> None:
    editor = editor_of(NETWORKS, CONFIG, dtype=torch.float32)
    editor.save_pretrained(str(tmp_path))
    again = ScaleGMNEditor.from_pretrained(str(tmp_path))
    graph = batch_graphs(NETWORKS[0][0], NETWORKS[0][1].float())
    with torch.no_grad():
        assert all(torch.equal(x, y) for x, y in zip(editor(graph), again(graph), strict=True))
    assert again.config == editor.config


def test_saving_again_replaces(folder: Path) -> None:
    other = model_of(NETWORKS, CONFIG, seed=1, dtype=torch.float32)
    other.save_pretrained(folder)
    state = ScaleGMN.from_pretrained(folder).state_dict()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_configuration_is_readable(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    assert data["model"] == "ScaleGMN"
    assert data["config"]["direction"] == "bidirectional"
    assert data["spec"]["layers"] >= 1


@settings(derandomize=True, deadline=None, max_examples=30)
@given(config=CONFIGS)
def test_configuration_as_plain_data(config: ModelConfig) -> None:
    assert from_plain(ModelConfig, json.loads(json.dumps(to_plain(config)))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(model="Other"), "class 'Other', expected 'ScaleGMN'"),
        (lambda data: data.pop("model"), "class None"),
        (lambda data: data["config"].update(color=1), r"color is unknown"),
        (lambda data: data["config"].update(direction="sideways"), "sideways"),
        (lambda data: data["config"].update(features=0), "features is 0"),
        (lambda data: data["config"].update(features="many"), "features is 'many', expected an int"),
        (lambda data: data["spec"].update(rooms=1), "rooms"),
        (lambda data: data.pop("spec"), "spec"),
        (lambda data: data.pop("outputs"), "outputs"),
    ],
)
def test_wrong_configurations(folder: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    edit(folder, change)
    with pytest.raises(ConfigurationError, match=message):
        ScaleGMN.from_pretrained(folder)


def test_another_class_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected 'ScaleGMNEditor'"):
        ScaleGMNEditor.from_pretrained(folder)


@pytest.mark.parametrize("content", ["[]", "{", ""])
def test_unreadable_configurations(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        ScaleGMN.from_pretrained(folder)


def test_missing_files(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.*config\.json"):
        ScaleGMN.from_pretrained(folder / "nowhere")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        ScaleGMN.from_pretrained(folder)


def test_weights_that_do_not_fit(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = read_state(path).tensors
    name = "head.last.weight"
    for wrong in (
        {key: value for key, value in tensors.items() if key != name},
        {**tensors, "extra": torch.ones(1)},
        {**tensors, name: torch.ones(1, 1)},
    ):
        write_state(path, wrong, overwrite=True)
        with pytest.raises(CheckpointError, match=r"does not fit config\.json"):
            ScaleGMN.from_pretrained(folder)


def test_damaged_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError):
        ScaleGMN.from_pretrained(folder)
