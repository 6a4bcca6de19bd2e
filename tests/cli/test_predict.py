from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.networks import siren
from scalegmn.populations import Population
from scalegmn.training import Run
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, its population, and three of its networks as files."""
    folder = tmp_path_factory.mktemp("predict")
    population = small_population(folder / "population")
    assert main(["train", *options(population.folder, folder / "run")]) == OK
    states = [population.architecture.unflatten(theta) for theta in population.theta([1, 2, 3])]
    torch.save({**states[0], "label": 1}, folder / "a.pth")
    np.savez(folder / "b.npz", **{name: value.numpy() for name, value in states[1].items()})
    write_state(folder / "c.safetensors", states[2])
    return folder


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.slow
def test_files_get_the_answers_of_their_networks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / name) for name in ("a.pth", "b.npz", "c.safetensors")]
    capsys.readouterr()
    assert main(["predict", str(folder / "run"), *files, "--json", "-"]) == OK
    run = Run.open(folder / "run")
    population = Population.open(folder / "population")
    expected = run.outputs(population.architecture, population.theta([1, 2, 3])).softmax(1)
    for answer, shares, path in zip(answers(capsys), expected, files, strict=True):
        assert answer["file"] == path
        assert answer["label"] == int(shares.argmax())
        assert answer["class"] == str(int(shares.argmax()))
        assert answer["probability"] == pytest.approx(float(shares.max()), abs=1e-6)
        assert answer["probabilities"] == pytest.approx(
            {str(i): float(share) for i, share in enumerate(shares)}, abs=1e-6
        )


def test_the_phase_of_a_neuron_does_not_matter(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    population = Population.open(folder / "population")
    state = population.architecture.unflatten(population.theta([1])[0].double().clone())
    state["seq.0.bias"][2] += torch.pi / 30
    state["seq.1.weight"][:, 2] *= -1
    write_state(tmp_path / "turned.safetensors", state)
    capsys.readouterr()
    assert (
        main(
            [
                "predict",
                str(folder / "run"),
                str(folder / "a.pth"),
                str(tmp_path / "turned.safetensors"),
                "--json",
                "-",
            ]
        )
        == OK
    )
    one, other = answers(capsys)
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_bad_files_are_reported_and_the_others_done(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"other": torch.ones(3)}, tmp_path / "foreign.pt")
    (tmp_path / "empty.npz").touch()
    state = torch.load(folder / "a.pth", weights_only=True)
    torch.save(state | {"seq.0.bias": torch.full((6,), torch.nan)}, tmp_path / "nan.pth")
    torch.save(state | {"seq.0.bias": torch.ones(7)}, tmp_path / "shape.pth")
    bad = [
        tmp_path / name for name in ("foreign.pt", "empty.npz", "nan.pth", "shape.pth", "missing.pt", "x.txt")
    ]
    capsys.readouterr()
    command = ["predict", str(folder / "run"), *map(str, bad), str(folder / "b.npz")]
    assert main(command) == DATA
    captured = capsys.readouterr()
    assert "Predictions" in captured.out
    assert len(captured.err.splitlines()) >= len(bad)
    for path in bad:
        assert str(path) in captured.err
    assert main([*command, "--json", "-"]) == DATA
    found = answers(capsys)
    assert ["error" in answer for answer in found] == [True] * len(bad) + [False]


def test_only_bad_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(folder / "run"), str(tmp_path / "none.pt")]) == DATA
    assert "none.pt" in capsys.readouterr().err


def test_huge_parameters_get_no_answer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(folder / "a.pth", weights_only=True)
    for name, factor in (("huge", 1e7), ("large", 50)):
        torch.save({key: value * factor for key, value in state.items()}, tmp_path / f"{name}.pth")
    files = [str(tmp_path / "huge.pth"), str(tmp_path / "large.pth"), str(folder / "b.npz")]
    capsys.readouterr()
    code = main(["predict", str(folder / "run"), *files, "--json", "-"])

    def refuse(word: str) -> None:
        raise AssertionError(word)

    huge, large, usual = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert code == DATA
    assert "far outside of what the model was trained on" in huge["error"]
    assert "far outside of what the model was trained on" in large["notes"][0]
    assert 0 <= large["probability"] <= 1
    assert not any("far outside" in note for note in usual["notes"])


def test_answers_that_are_no_numbers_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    weights = tmp_path / "run" / "model" / "model.safetensors"
    tensors = read_state(weights).tensors
    last = [name for name in tensors if name.startswith("head")][-1]
    # Too large for the logits of single precision.
    for name in list(tensors):
        if name.startswith("head") and name != last:
            tensors[name] = torch.full_like(tensors[name], 3e38)
    write_state(weights, {**tensors, last: torch.full_like(tensors[last], 3e38)}, overwrite=True)
    assert main(["predict", str(tmp_path / "run"), str(folder / "b.npz"), "--json", "-"]) == DATA
    captured = capsys.readouterr()
    (answer,) = json.loads(captured.out)
    assert "no finite number" in answer["error"] and "b.npz" in captured.err
    assert main(["evaluate", str(tmp_path / "run")]) == DATA
    assert "not finite" in capsys.readouterr().err


def test_a_folder_gets_one_row_for_each_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "files" / "inner").mkdir(parents=True)
    for name in ("a.pth", "c.safetensors"):
        shutil.copy(folder / name, tmp_path / "files" / "inner")
    (tmp_path / "files" / "bad.npz").write_bytes(b"no archive")
    (tmp_path / "files" / "notes.csv").touch()
    command = ["predict", str(folder / "run"), str(tmp_path / "files"), "--quiet"]
    for name in ("rows.csv", "rows.parquet", "rows.json"):
        assert main([*command, "--output", str(tmp_path / name)]) == DATA
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["bad.npz", "a.pth", "c.safetensors"]
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["error"] and not rows[0]["class"] and not rows[1]["error"]
    assert float(rows[1]["probabilities.0"]) <= float(rows[1]["probability"])
    table = pq.ParquetFile(tmp_path / "rows.parquet").read().to_pylist()
    plain = json.loads((tmp_path / "rows.json").read_text())
    assert [row["label"] for row in table] == [None, *(row["label"] for row in plain[1:])]
    assert main([*command, "--output", str(tmp_path / "rows.xlsx")]) == USAGE
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(folder / "run"), str(tmp_path / "empty")]) == DATA


@pytest.mark.slow
def test_a_population_gets_one_row_for_each_network(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", str(folder / "run"), str(folder / "population"), "--quiet", "--batch-size", "7"]
    capsys.readouterr()
    assert main([*command, "--json", "-"]) == OK
    rows = answers(capsys)
    assert [row["id"] for row in rows] == list(range(96))
    population, run = Population.open(folder / "population"), Run.open(folder / "run")
    expected = run.outputs(population.architecture, population.theta(range(96))).argmax(1)
    assert [row["label"] for row in rows] == expected.tolist()
    assert main([*command, "--json", "-", "--where.split", "test"]) == OK
    assert [row["id"] for row in answers(capsys)] == np.flatnonzero(
        population.column("split") == "test"
    ).tolist()
    assert main(command) == OK
    assert "46 more" in capsys.readouterr().out
    assert main([*command, str(folder / "b.npz")]) == USAGE
    assert main(["predict", str(folder / "run"), str(folder / "b.npz"), "--where.split", "test"]) == USAGE


def test_other_widths_and_prefixes_are_read_with_a_note(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = siren(widths=(2, 9, 1))
    theta = 0.1 * torch.randn(network.num_parameters, generator=torch.Generator().manual_seed(0))
    wrapped = {f"_orig_mod.module.{name}": value for name, value in network.unflatten(theta).items()}
    write_state(tmp_path / "other.safetensors", wrapped)
    write_state(
        tmp_path / "deep.safetensors",
        {name: torch.zeros(p.shape) for p in siren(widths=(2, 4, 4, 4, 1)).parameters for name in (p.name,)},
    )
    capsys.readouterr()
    files = [str(tmp_path / name) for name in ("other.safetensors", "deep.safetensors")]
    assert main(["predict", str(folder / "run"), *files, "--json", "-"]) == DATA
    other, deep = answers(capsys)
    assert "_orig_mod.module.seq" in str(other["notes"]) and "outside the training set" in str(other["notes"])
    shares = Run.open(folder / "run").outputs(network, theta[None]).softmax(1)
    assert other["probability"] == pytest.approx(float(shares.max()), abs=1e-6)
    assert "cannot read networks" in str(deep["error"])
    assert main(["predict", str(folder / "run"), *files, "--activation", "rleu"]) == USAGE


def test_a_folder_may_be_one_network_in_several_files(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = read_state(folder / "c.safetensors").tensors
    names = list(state)
    parts = tmp_path / "files" / "sharded"
    parts.mkdir(parents=True)
    for number, own in enumerate((names[:2], names[2:]), 1):
        tensors = {name: state[name] for name in own}
        write_state(parts / f"model-0000{number}-of-00002.safetensors", tensors)
    shutil.copy(folder / "c.safetensors", tmp_path / "files")
    capsys.readouterr()
    assert main(["predict", str(folder / "run"), str(tmp_path / "files"), "--json", "-", "--quiet"]) == OK
    whole, sharded = answers(capsys)
    assert sharded["file"] == str(parts)
    assert sharded["probabilities"] == pytest.approx(whole["probabilities"])
    (parts / "model-00002-of-00002.safetensors").unlink()
    assert main(["predict", str(folder / "run"), str(parts), "--json", "-", "--quiet"]) == DATA


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that predicts a number."""
    folder = tmp_path_factory.mktemp("regression")
    population = small_population(folder / "population", numbers=True)
    changes = {"task": "regression", "data__label": "number"}
    assert main(["train", *options(population.folder, folder / "run", **changes)]) == OK
    return folder


def numbers(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[dict[str, object]]:
    capsys.readouterr()
    command = ["predict", str(folder / "run"), str(folder / "population"), "--json", "-", "--quiet", *more]
    assert main([*command, "--where.split", "test"]) == OK
    return answers(capsys)


@pytest.mark.slow
def test_predicted_numbers_have_intervals(regression: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = json.loads((regression / "run" / "reference.json").read_text())
    # One network of each of the 9 images of validation.
    assert len(kept["errors"]) == 9 and kept["errors"] == sorted(kept["errors"])
    for level, place in (("0.9", 9), ("0.5", 5)):
        for row in numbers(regression, capsys, "--level", level):
            value, radius = row["value"], kept["errors"][place - 1]
            assert isinstance(value, float)
            assert row["low"] == pytest.approx(max(value - radius, 0))
            assert row["high"] == pytest.approx(min(value + radius, 1))
            assert row["level"] == float(level) and row["notes"] == []
    for row in numbers(regression, capsys, "--level", "0.95"):
        assert row["low"] is None and row["high"] is None and row["level"] is None
        assert "9 independent validation networks" in str(row["notes"]) and "19" in str(row["notes"])
    for level in ("1", "0", "nan"):
        assert main(["predict", str(regression / "run"), str(regression), "--level", level]) == USAGE


def test_runs_without_a_reference_are_measured_on_demand(
    regression: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(regression / "run", tmp_path / "run")
    shutil.copytree(regression / "population", tmp_path / "population")
    expected = numbers(regression, capsys)
    (tmp_path / "run" / "reference.json").unlink()
    found = numbers(tmp_path, capsys)
    assert [row["high"] for row in found] == pytest.approx([row["high"] for row in expected], abs=1e-6)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    facts["data"]["population"] = str(tmp_path / "moved")
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    for row in numbers(tmp_path, capsys):
        assert row["low"] is None and "no interval" in str(row["notes"])


@pytest.mark.slow
def test_a_reference_of_another_model_is_not_used(
    regression: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(regression / "run", tmp_path / "run")
    shutil.copytree(regression / "population", tmp_path / "population")
    path = tmp_path / "run" / "reference.json"
    data = json.loads(path.read_text())
    first = data["sizes"]["low"][:1]
    for change in (
        {"model_sha256": "0"},
        {"format": 9},
        {"sizes": 3},
        {"sizes": {"low": first * 2, "high": first * 2}},
        {"errors": ["x"]},
    ):
        path.write_text(json.dumps(data | change))
        row = numbers(tmp_path, capsys)[0]
        assert row["low"] is None and "reference.json" in str(row["notes"])
        assert "parameters were not compared with those of the training" in str(row["notes"])
