from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.shipped import Shelf

NAME = "scalegmn/cnn-accuracy"


@pytest.fixture
def folder(packed_models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed_models, tmp_path / "models"))


def rewrite_index(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def test_models_are_what_was_packed(folder: Path) -> None:
    shelf = Shelf.open(folder)
    model = shelf.models[NAME]
    assert model.task == "regression" and model.summary == "Says nothing, and of few networks"
    assert model.verify() == folder / "cnn-accuracy"
    assert model.size == sum(path.stat().st_size for path in model.folder.rglob("*") if path.is_file())
    shelf.write()
    assert Shelf.open(folder) == shelf


def test_a_changed_byte_is_one_sentence(folder: Path) -> None:
    path = folder / "cnn-accuracy" / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"cnn-accuracy: its file .* has the checksum .* install"):
        Shelf.open(folder).models[NAME].verify()
    Shelf.open(folder).models["scalegmn/trojan-detector"].verify()


def test_a_missing_and_a_cut_file_are_one_sentence(folder: Path) -> None:
    path = folder / "cnn-accuracy" / "run.json"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"run.json has \d+ bytes, expected \d+; install"):
        Shelf.open(folder).models[NAME].verify()
    path.unlink()
    with pytest.raises(CheckpointError, match=r"run.json is missing; install"):
        Shelf.open(folder).models[NAME].card()


def test_another_format_is_one_sentence(folder: Path) -> None:
    rewrite_index(folder, {"format": 2})
    with pytest.raises(ConfigurationError, match=r"has format 2, expected 1: .* another version"):
        Shelf.open(folder)


def test_a_folder_without_index_holds_nothing(tmp_path: Path) -> None:
    assert not Shelf.open(tmp_path / "nothing").models


FILE = {"bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "models",
    [
        None,
        [],
        {NAME: None},
        {NAME: {"summary": "s", "task": "t", "files": {}}},
        {NAME: {"summary": "s", "task": 1, "files": {"README.md": FILE}}},
        {NAME: {"summary": "s", "task": "t", "files": {"README.md": FILE, "../run.json": FILE}}},
        {NAME: {"summary": "s", "task": "t", "files": {"README.md": FILE, "/etc/passwd": FILE}}},
        {NAME: {"summary": "s", "task": "t", "files": {"README.md": {"bytes": -1, "sha256": "0" * 64}}}},
        {NAME: {"summary": "s", "task": "t", "files": {"README.md": {"bytes": 1, "sha256": 5}}}},
        {"other/name": {"summary": "s", "task": "t", "files": {"README.md": FILE}}},
        {"scalegmn/..": {"summary": "s", "task": "t", "files": {"README.md": FILE}}},
    ],
)
def test_a_damaged_index_is_one_sentence(folder: Path, models: object) -> None:
    rewrite_index(folder, {"models": models})
    with pytest.raises((CheckpointError, ConfigurationError), match=r"install|no name of a model"):
        Shelf.open(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(CheckpointError, match="no index of models can be read"):
        Shelf.open(folder)
