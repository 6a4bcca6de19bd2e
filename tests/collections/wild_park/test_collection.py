from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.collections import CollectionFile, collection_named, import_collection
from scalegmn.collections.wild_park import WildPark
from scalegmn.errors import CheckpointError, PopulationError, UnsafeCheckpointError
from scalegmn.networks import Skip, WildLayout
from scalegmn.populations import Population
from tests.collections.wild_park.wild_files import (
    authentic,
    config_of,
    state_of,
    write_checkpoint,
    write_splits,
)

AUTHENTIC = WildLayout(
    channels=(4, 8, 4), kernels=(3, 5, 3), activations=("relu", "none", "gelu"), residuals=(-1, -1, 0)
)
LAYOUTS = {
    "NN_a": AUTHENTIC,
    "NN_b": WildLayout(channels=(4, 4), kernels=(7, 3), activations=("tanh", "sigmoid"), residuals=(-1, -1)),
    "NN_c": WildLayout(
        channels=(4, 8, 4, 16),
        kernels=(3, 3, 5, 3),
        activations=("leaky_relu", "gelu", "none", "relu"),
        residuals=(-1, -1, 0, 0),
    ),
}
STEPS = (0, 10, 200)
SPLIT_OF = {"NN_a": "train", "NN_b": "val", "NN_c": "test"}


def place(run: str, step: int) -> str:
    return f"cifar10_zooV2/{run}/checkpoint_{step:06}/checkpoint.pt"


def accuracy(run: str, step: int) -> float:
    return round(0.1 + step / 1000 + ord(run[-1]) / 10_000, 4)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection as it was published, written without the library."""
    folder = tmp_path_factory.mktemp("park")
    rows = []
    for run, layout in LAYOUTS.items():
        for step in STEPS:
            score = accuracy(run, step)
            write_checkpoint(
                folder / place(run, step),
                config=config_of(layout),
                state=state_of(layout, seed=step),
                accuracy=score,
                step=step,
            )
            rows.append((SPLIT_OF[run], f"any/where/{place(run, step)}", score, step))
        # What the training program leaves beside the checkpoints.
        (folder / "cifar10_zooV2" / run / "params.json").write_text("{}")
    rng = np.random.default_rng(0)
    write_splits(folder / "cnn_park_splits.json", [rows[i] for i in rng.permutation(len(rows))])
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    subprocess.run(["cp", "-r", f"{published}/.", str(tmp_path / "park")], check=True)
    return tmp_path / "park"


def rows_in(folder: Path) -> Callable[[Callable[[str, dict[str, Any]], None]], None]:
    """Changes the splits file with a function of each split's name and content."""

    def change(function: Callable[[str, dict[str, Any]], None]) -> None:
        path = folder / "cnn_park_splits.json"
        content = json.loads(path.read_text())
        for split, columns in content.items():
            function(split, columns)
        path.write_text(json.dumps(content))

    return change


def one_file(tmp_path: Path, **changes: Any) -> CollectionFile:
    """A file with the network AUTHENTIC; `changes` are of its configuration or of what stands beside it."""
    given: dict[str, Any] = {"state": state_of(AUTHENTIC), "accuracy": 0.5, "step": 10, "more": None}
    beside = {name: changes.pop(name, value) for name, value in given.items()}
    path = tmp_path / "NN_x" / "checkpoint_000010" / "checkpoint.pt"
    write_checkpoint(path, config={**config_of(AUTHENTIC), **changes}, **beside)
    columns = {"run": "NN_x", "step": 10, "test_accuracy": 0.5, "split": "train"}
    return CollectionFile(path, "NN_x/checkpoint_000010/checkpoint.pt", columns)


def test_authentic_file(tmp_path: Path) -> None:
    """A checkpoint that torch and OmegaConf wrote, which holds 19 names of five libraries."""
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(authentic())
    before = set(sys.modules)
    columns = {"run": "NN_x", "step": 20, "test_accuracy": 0.4321, "split": "val"}
    networks = WildPark().read(CollectionFile(path, "checkpoint.pt", columns))
    assert networks.architecture == AUTHENTIC.architecture(inputs=3, outputs=10)
    assert networks.architecture.skips == (Skip(0, 2, 4),)
    expected = torch.arange(networks.architecture.num_parameters) % 7 / 4 - 0.75
    assert torch.equal(networks.theta, expected[None])
    row = {**columns, "depth": 3, "activations": "relu,none,gelu", "residuals": 1}
    assert networks.row(0) == row
    assert not {name for name in set(sys.modules) - before if "omegaconf" in name}


def test_made_files_are_like_the_authentic_one(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(authentic())
    real = WildPark().read(CollectionFile(tmp_path / "checkpoint.pt", "x", {}))
    made = WildPark().read(dataclasses.replace(one_file(tmp_path), columns={}))
    assert real.architecture == made.architecture and real.row(0) == made.row(0)


def test_collection(published: Path) -> None:
    collection = WildPark()
    listing = collection.entries(published)
    assert not listing.refused
    # Checkpoints of a run stand together, in their order.
    assert [entry.name for entry in listing.entries] == [
        place(run, step) for run in LAYOUTS for step in STEPS
    ]
    for entry in listing.entries:
        run, step = str(entry.columns["run"]), int(entry.columns["step"])
        networks = collection.read(entry)
        assert networks.architecture == LAYOUTS[run].architecture(inputs=3, outputs=10)
        state = networks.architecture.unflatten(networks.theta[0])
        assert all(torch.equal(state[k], v) for k, v in state_of(LAYOUTS[run], seed=step).items())
        row = networks.row(0)
        assert (row["split"], row["test_accuracy"]) == (SPLIT_OF[run], accuracy(run, step))
        assert row["depth"] == len(LAYOUTS[run].channels)
        assert row["residuals"] == sum(source >= 0 for source in LAYOUTS[run].residuals)


def test_import(published: Path, tmp_path: Path) -> None:
    report = import_collection(WildPark(), published, tmp_path / "packed", progress=False, shard_size=4)
    assert (report.networks, report.refused) == (9, ())
    population = Population.open(tmp_path / "packed")
    assert len(population.architectures) == 3
    assert population.columns == (
        *("run", "step", "test_accuracy", "split", "depth", "activations", "residuals"),
    )
    for run, layout in LAYOUTS.items():
        mine = np.flatnonzero(population.column("run") == run)
        assert set(population.column("split")[mine].tolist()) == {SPLIT_OF[run]}
        assert set(population.column("activations")[mine].tolist()) == {",".join(layout.activations)}
        assert population.column("step")[mine].tolist() == list(STEPS)


def test_folder_of_the_runs_itself(published: Path) -> None:
    splits = published / "cnn_park_splits.json"
    listing = WildPark(splits=splits).entries(published / "cifar10_zooV2")
    assert len(listing.entries) == 9 and not listing.refused
    assert WildPark(splits=splits).companions(published) == {"cnn_park_splits.json": splits}


def test_what_does_not_belong_is_refused_and_the_rest_read(folder: Path, tmp_path: Path) -> None:
    runs = folder / "cifar10_zooV2"
    (runs / "notes.txt").write_text("")
    (runs / "NN_a" / "checkpoint_x").mkdir()
    (folder / place("NN_a", 10)).write_bytes(b"nothing")
    (folder / place("NN_a", 200)).unlink()
    write_checkpoint(
        folder / place("NN_b", 10),
        config=config_of(LAYOUTS["NN_c"]),
        state=state_of(LAYOUTS["NN_b"]),
        accuracy=accuracy("NN_b", 10),
    )
    write_checkpoint(folder / place("NN_d", 10), config=config_of(AUTHENTIC), state=state_of(AUTHENTIC))
    report = import_collection(WildPark(), folder, tmp_path / "packed", progress=False)
    assert report.networks == 6
    reasons = {refusal.name: refusal.reason for refusal in report.refused}
    assert len(reasons) == len(report.refused) == 7
    assert "expected a folder for each run" in reasons["notes.txt"]
    assert "checkpoint.pt" in reasons["cifar10_zooV2/NN_a/checkpoint_x"]
    assert "not a zip archive" in reasons[place("NN_a", 10)]
    assert "checkpoint.pt" in reasons["cifar10_zooV2/NN_a/checkpoint_000200"]
    assert "no such file" in reasons["NN_a/checkpoint_000200/checkpoint.pt"]
    assert "missing ['layers.2.weight'" in reasons[place("NN_b", 10)]
    assert "not named in the splits file" in reasons[place("NN_d", 10)]


def test_runs_never_cross_splits(folder: Path) -> None:
    def move(split: str, columns: dict[str, Any]) -> None:
        name = place("NN_a", 10)
        for values, value in zip(columns.values(), (f"else/{name}", 0.1, 10), strict=True):
            if split == "test":
                values.append(value)
        if split == "train":
            (at,) = (i for i, path in enumerate(columns["path"]) if path.endswith(name))
            for values in columns.values():
                del values[at]

    rows_in(folder)(move)
    with pytest.raises(PopulationError, match="run 'NN_a' has checkpoints in 'train' and in 'test'"):
        WildPark().entries(folder)


def change_first(name: str, value: object) -> Callable[[str, dict[str, Any]], None]:
    def change(split: str, columns: dict[str, Any]) -> None:
        columns[name][0] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_first("score", float("nan")), "number NaN"),
        (change_first("score", 43.2), "score 43.2, expected an accuracy"),
        (change_first("score", "0.5"), "score '0.5'"),
        (change_first("score", None), "score None"),
        (change_first("step", 1.5), "step 1.5"),
        (change_first("step", -1), "step -1"),
        (change_first("path", 3), "path 3"),
        (change_first("path", "checkpoint.pt"), "does not end in run"),
        (lambda split, columns: columns["score"].pop(), r"\[3, 2, 3\] entries"),
        (lambda split, columns: columns.pop("step"), "expected {"),
        (lambda split, columns: [v.append(v[0]) for v in columns.values()], "named twice"),
    ],
)
def test_damaged_columns_of_the_splits_file(folder: Path, change: Any, message: str) -> None:
    rows_in(folder)(change)
    with pytest.raises(PopulationError, match=message):
        WildPark().entries(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no splits file"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "found list"),
        ('{"train": {}, "test": {}}', "found"),
        ('{"train": [], "val": [], "test": []}', "expected {"),
    ],
)
def test_missing_and_damaged_splits_file(folder: Path, text: str | None, message: str) -> None:
    path = folder / "cnn_park_splits.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(PopulationError, match=message):
        WildPark().entries(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layers": 2}, "for n_layers 2 its lists have the lengths"),
        ({"n_layers": 0}, "n_layers is no whole number from 1"),
        ({"n_layers": "3"}, "n_layers is no whole number"),
        ({"n_layers": 10**6}, "n_layers is no whole number"),
        ({"n_classes": 2.5}, "n_classes is no whole number"),
        ({"n_classes": 7}, r"'fc.weight' has shape \(10, 4\), expected \(7, 4\)"),
        ({"channels": [3, 4, 8]}, "lengths"),
        ({"channels": [1, 4, 8, 4]}, "1 input channels"),
        ({"channels": [3, 4, 8, 5]}, "layers.2.weight"),
        ({"channels": [3, 4, 0, 4]}, "0 channels"),
        ({"channels": [3, 4, 10**9, 4]}, "channels holds something else"),
        ({"channels": "???"}, "channels is missing, or no list"),
        ({"channels": None}, "channels is missing, or no list"),
        ({"kernel_size": [3, 3, 3], "padding": [1, 1, 1]}, r"\(8, 4, 5, 5\), expected \(8, 4, 3, 3\)"),
        ({"kernel_size": [3, 4, 3]}, "a kernel of size 4"),
        ({"stride": [1, 2, 1]}, r"strides \[1, 2, 1\]"),
        ({"padding": [1, 1, 1]}, r"paddings \[1, 1, 1\]"),
        ({"residual": [-1, -1, 2]}, "residual 2 of layer 2"),
        ({"residual": [-1, -1, [0]]}, "residual holds something else"),
        ({"residual": [-1, -1, -2]}, "residual holds something else"),
        ({"activation": ["relu", "none", "swish"]}, "'swish', expected names out of"),
        ({"activation": ["relu", 1, "gelu"]}, "holds a int"),
        ({"activation": ["relu", "none", "x" * 1000]}, "'x{40}'"),
        ({"more": {"config": None}}, "configuration is missing"),
        ({"more": {"config": [1]}}, "configuration is missing"),
        ({"more": {"config": {}}}, "n_layers"),
        ({"more": {"model": {}}}, "expected a state dict under 'model'"),
        ({"state": {**state_of(AUTHENTIC), "extra": torch.ones(1)}}, r"unexpected \['extra'\]"),
        ({"state": {**state_of(AUTHENTIC), "fc.bias": torch.full((10,), torch.nan)}}, "NaN"),
        ({"step": 20}, "another step"),
        ({"accuracy": 0.51}, "accuracy 0.51"),
        ({"accuracy": float("nan")}, "accuracy nan"),
    ],
)
def test_files_that_contradict_themselves_or_the_splits(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        WildPark().read(one_file(tmp_path, **changes))


def test_configuration_as_a_plain_dict(tmp_path: Path) -> None:
    networks = WildPark().read(one_file(tmp_path, more={"config": config_of(AUTHENTIC)}))
    assert networks.architecture == AUTHENTIC.architecture(inputs=3, outputs=10)


class Trap:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("key", ["n_layers", "channels", "unused"])
def test_code_in_the_configuration_is_refused(key: str, tmp_path: Path) -> None:
    target = tmp_path / "ran"
    entry = one_file(tmp_path, **{key: Trap(target)})
    with pytest.raises(UnsafeCheckpointError, match="system"):
        WildPark().read(entry)
    assert not target.exists()


def test_calls_of_foreign_functions_are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name outside Python's library and torch is not refused, and not called either."""
    (tmp_path / "third_party.py").write_text(f"def act(): open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    import third_party  # type: ignore[import-not-found]

    class Call:
        def __reduce__(self) -> object:
            return third_party.act, ()

    entry = one_file(tmp_path, unused=Call())
    monkeypatch.delitem(sys.modules, "third_party")
    WildPark().read(entry)
    assert "third_party" not in sys.modules and not (tmp_path / "ran").exists()
    # As the number of layers it is worth nothing.
    monkeypatch.setitem(sys.modules, "third_party", third_party)
    with pytest.raises(CheckpointError, match="n_layers is no whole number"):
        WildPark().read(one_file(tmp_path, n_layers=Call()))


def test_nothing_is_written_in_this_format(published: Path) -> None:
    collection = WildPark()
    networks = collection.read(collection.entries(published).entries[0])
    with pytest.raises(PopulationError, match="read and not written"):
        collection.save(published / "new.pt", networks)


def test_scanned_files_can_be_read_without_scores(published: Path) -> None:
    collection = WildPark()
    networks = collection.read(collection.scan(published).entries[0])
    assert networks.row(0)["run"] == "NN_a"


@pytest.mark.slow
def test_command(published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, splits = tmp_path / "packed", published / "cnn_park_splits.json"
    assert main(["import", "wild_park", str(published), "-o", str(output), "--quiet"]) == 0
    assert "9 networks of CNN Wild Park" in capsys.readouterr().out
    command = [
        "import",
        "wild_park",
        str(published / "cifar10_zooV2"),
        "-o",
        str(tmp_path / "again"),
        "--quiet",
    ]
    assert main([*command, "--splits", str(splits)]) == 0
    assert len(Population.open(tmp_path / "again")) == 9
    assert main([*command, "--resume", "--generate-splits", "0"]) == 2
    assert "has a splits file that is published with it" in capsys.readouterr().err


def test_splits_file_by_name() -> None:
    assert collection_named("wild_park", splits="s.json") == WildPark(splits=Path("s.json"))


def test_damaged_bytes_anywhere(tmp_path: Path) -> None:
    """Whatever happened to a file, it is read or refused with an error of the library."""
    content, path = authentic(), tmp_path / "checkpoint.pt"
    rng = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=2):
            damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            WildPark().read(CollectionFile(path, "x", {}))
            outcomes["read"] += 1
        except CheckpointError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 50
