from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    population = small_population(folder / "population").folder
    assert main(["train", *options(population, folder / "run")]) == OK
    return folder / "run"


@pytest.mark.slow
def test_same_networks_give_the_figures_of_the_training(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "found.json"
    assert main(["evaluate", str(run_folder), "--output", str(output)]) == OK
    found = json.loads(output.read_text())
    results = json.loads((run_folder / "results.json").read_text())
    assert found.items() >= results["test"].items()
    assert np.load(tmp_path / "found-confusion.npy").tolist() == found["confusion"]
    assert "Accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(("split", "networks"), [("train", 54), ("val", 18), ("all", 96)])
def test_splits_are_those_of_the_training(run_folder: Path, split: str, networks: int) -> None:
    assert main(["evaluate", str(run_folder), "--split", split]) == OK
    found = json.loads((run_folder / f"evaluation-same-{split}.json").read_text())
    assert (found["networks"], found["split"]) == (networks, split)


@pytest.mark.parametrize(
    ("split", "stated", "networks"), [("test", True, 4), ("test", False, 20), ("all", True, 20)]
)
def test_another_population(
    run_folder: Path, tmp_path: Path, split: str, stated: bool, networks: int
) -> None:
    # Other widths: a metanetwork reads them too.
    other = small_population(tmp_path / "other", widths=(2, 9, 5, 1), networks=20, split=stated).folder
    command = ["evaluate", str(run_folder), "--population", str(other), "--split", split, "--batch-size", "7"]
    assert main(command) == OK
    found = json.loads((run_folder / f"evaluation-other-{split}.json").read_text())
    assert found["networks"] == networks
    assert found["population"] == str(other)


def test_unknown_classes_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_population(tmp_path / "other", classes=5).folder
    assert main(["evaluate", str(run_folder), "--population", str(other)]) == DATA
    assert "expected 0 to 2 for the 3 classes" in capsys.readouterr().err


def test_deeper_networks_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_population(tmp_path / "other", widths=(2, 3, 3, 3, 1), networks=6).folder
    command = ["evaluate", str(run_folder), "--population", str(other), "--split", "all"]
    assert main(command) == DATA
    assert "3 layers (at most 2)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("break_it", "words", "code"),
    [
        (None, "no such run folder", USAGE),
        ("run.json", "no description of a run", USAGE),
        ("format", "has format 99, expected 1", USAGE),
        ("metanetwork", "damaged", USAGE),
        ("model", "did not come to its end", USAGE),
        ("weights", "model.safetensors", DATA),
    ],
)
def test_damaged_runs_are_refused(
    run_folder: Path,
    tmp_path: Path,
    break_it: str | None,
    words: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tmp_path / "copy"
    if break_it is not None:
        (copy / "model").mkdir(parents=True)
        for name in ("run.json", "model/config.json", "model/model.safetensors"):
            (copy / name).write_bytes((run_folder / name).read_bytes())
    facts = json.loads((run_folder / "run.json").read_text())
    if break_it == "run.json":
        (copy / "run.json").write_text("{")
    elif break_it == "format":
        (copy / "run.json").write_text(json.dumps(facts | {"format": 99}))
    elif break_it == "metanetwork":
        (copy / "run.json").write_text(json.dumps(facts | {"metanetwork": "oracle"}))
    elif break_it == "weights":
        (copy / "model/model.safetensors").write_bytes(b"")
    elif break_it == "model":
        for path in (copy / "model").iterdir():
            path.unlink()
        (copy / "model").rmdir()
    assert main(["evaluate", str(copy)]) == code
    assert words in capsys.readouterr().err


def test_wrong_split_is_wrong_usage(run_folder: Path) -> None:
    assert main(["evaluate", str(run_folder), "--split", "tset"]) == USAGE


def test_batches_of_nothing_are_refused(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run_folder), "--batch-size", "0"]) == USAGE
    assert "--batch-size is 0, expected 1 or more" in capsys.readouterr().err


def test_figures_by_a_column(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "found.json"
    command = ["evaluate", str(run_folder), "--split", "all", "--output", str(output), "--by"]
    assert main([*command, "label"]) == OK
    found = json.loads(output.read_text())
    parts = found["by_label"]
    assert sum(part["networks"] for part in parts.values()) == found["networks"]
    right = sum(part["accuracy"] * part["networks"] for part in parts.values())
    assert right == pytest.approx(found["accuracy"] * found["networks"])
    assert "By label" in capsys.readouterr().out
    assert main([*command, "nothing"]) == USAGE
    assert "has no column 'nothing'" in capsys.readouterr().err
