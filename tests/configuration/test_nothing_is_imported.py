"""Names in configurations, saved models and run folders are looked up in registries; nothing is imported."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalegmn.comparison import parse_comparison
from scalegmn.configuration import from_plain
from scalegmn.editing.edits import edit_called
from scalegmn.errors import ScaleGMNError
from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMN
from scalegmn.models.baselines import FlatMLP, FlatMLPConfig
from scalegmn.models.baselines.features._making import features_from_plain
from scalegmn.networks import Architecture
from scalegmn.training import RunConfig, load_task, parse_config
from scalegmn.training._metanetworks import load_metanetwork
from scalegmn.trojans.triggers import trigger_from_json

TRAP = "trap_that_must_not_be_imported"
NAMES = (TRAP, f"{TRAP}.Run", f"{TRAP}:run", f"__import__('{TRAP}')", "os.system", "__class__", "name")


@pytest.fixture(autouse=True)
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that everybody could import, and that nobody may."""
    (tmp_path / f"{TRAP}.py").write_text("class Run: pass\ndef run(*args, **kwargs): raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield
    assert TRAP not in sys.modules


def objects(name: str) -> list[Any]:
    """Ways in which other libraries let files name code."""
    return [
        name,
        {"class_path": name, "init_args": {}},
        {"_target_": name},
        {"__class__": name},
        {"py/object": name},
        [name],
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "field", ["task", "metanetwork", "model.direction", "model", "editing.order", "training.schedule", "data"]
)
def test_run_configurations(field: str, name: str, tmp_path: Path) -> None:
    for value in objects(name):
        path = tmp_path / "run.yaml"
        path.write_text(json.dumps({"data.population": "p", field: value}))
        assert parse_config(["--config", str(path)])[1]
        assert parse_config(["--data.population=p", f"--{field}={json.dumps(value)}"])[1]


def test_free_values_stay_plain() -> None:
    value = {"class_path": TRAP, "init_args": {}}
    config = from_plain(RunConfig, {"data": {"population": "p", "where": {"x": value}}})
    assert config.data.where == {"x": value}


@pytest.mark.parametrize("name", NAMES)
def test_bases_and_names_of_comparisons(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    for value in objects(name):
        path.write_text(json.dumps({"base": value, "models": {"a": {"metanetwork": name}}}))
        assert parse_comparison(["--config", str(path)])[1]


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_files_name(name: str) -> None:
    readers: list[Callable[[Any], object]] = [
        lambda value: load_task({"name": value, "label": "x", "classes": ["a", "b"]}),
        lambda value: features_from_plain({"kind": value, "layers": 3}),
        lambda value: Architecture.from_dict({"layers": [{"type": value, "name": "a"}]}),
        lambda value: Architecture.from_dict(
            {"layers": [{"type": "activate", "activation": {"kind": value, "value": 0.0}}]}
        ),
        lambda value: trigger_from_json(json.dumps({"kind": value})),
        lambda value: edit_called(value if isinstance(value, str) else str(value)),
        lambda value: ScaleGMN.from_config({"spec": value, "outputs": 1, "config": value}),
    ]
    for read in readers:
        for value in objects(name):
            with pytest.raises(ScaleGMNError) as caught:
                read(value)
            assert str(caught.value).isprintable()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    spec = GraphSpec(inputs=2, outputs=1, layers=1)
    ScaleGMN(spec=spec, outputs=3, config=ModelConfig(features=4, layers=1)).save_pretrained(tmp_path / "m")
    return tmp_path / "m"


@pytest.mark.parametrize("name", [*NAMES, "Configuration", "SavedModule", None, 3, ["ScaleGMN"], {"a": 1}])
def test_classes_of_saved_models(name: Any, saved: Path) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": name}))
    with pytest.raises(ScaleGMNError, match="class of the model is"):
        load_metanetwork(saved)


def put(data: dict[str, Any], *path: str, value: object) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("config", "layers"), 1e9),
        (("config", "layers"), 10**9),
        (("config", "layers"), 999),
        (("config", "layers"), 10**400),
        (("config", "layers"), "4; import os"),
        (("config", "layers"), True),
        (("config", "layers"), None),
        (("config", "features"), 10**9),
        (("config", "features"), 60_000),
        (("config", "features"), -1),
        (("config", "mlp_hidden"), 65_536),
        (("config", "dropout"), "nan"),
        (("config",), []),
        (("config",), None),
        (("spec", "inputs"), 10**12),
        (("spec", "layers"), 2**62),
        (("spec", "outputs"), 0),
        (("spec",), "x"),
        (("outputs",), 10**13),
        (("outputs",), 2.5),
        (("outputs",), [3]),
    ],
)
def test_models_that_ask_for_too_much_are_refused_at_once(
    path: tuple[str, ...], value: object, saved: Path
) -> None:
    file = saved / "config.json"
    data = json.loads(file.read_text())
    put(data, *path, value=value)
    file.write_text(json.dumps(data))
    start = time.perf_counter()
    with pytest.raises(ScaleGMNError) as caught:
        load_metanetwork(saved)
    assert time.perf_counter() - start < 5
    assert "config.json" in str(caught.value) and str(caught.value).isprintable()


def test_baselines_that_ask_for_too_much(tmp_path: Path) -> None:
    FlatMLP(parameters=5, outputs=2, config=FlatMLPConfig(hidden=(4,))).save_pretrained(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    good = json.loads(file.read_text())
    for change in (
        {"parameters": 10**12},
        {"outputs": -3},
        {"config": {"hidden": [65_536] * 100}},
        {"config": {"hidden": [4], "depth": 3}},
        {"config": {"hidden": "4"}},
    ):
        file.write_text(json.dumps(good | change))
        with pytest.raises(ScaleGMNError, match=r"config\.json"):
            load_metanetwork(tmp_path / "m")
    file.write_text(json.dumps(good))
    load_metanetwork(tmp_path / "m")
