from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.exit_codes import INTERRUPTED, NEGATIVE, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.comparison import _running as running
from scalegmn.errors import ConfigurationError, TrainingWarning
from scalegmn.training import RunConfig
from tests.comparison.cases import base, comparison_file
from tests.training.small import small_population

FILES = {"table.md", "table.csv", "runs.csv", "comparison.png", "comparison.yaml"}


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("population") / "small", networks=48).folder


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_a_classification_from_file_to_table(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = comparison_file(tmp_path, population)
    output = tmp_path / "elsewhere"
    command = ["compare", "--config", str(path), "--output", str(output), "--seeds", "3"]
    assert main([*command, "--base.training.epochs", "2"]) == OK
    printed = capsys.readouterr()
    assert printed.err.splitlines()[0] == "2 training runs to do"
    assert "flat MLP, seed 3: accuracy" in printed.err
    assert "minus ScaleGMN" in printed.out
    assert "Written to" in printed.err
    assert names_in(output) == FILES | {"scalegmn-seed3", "flat-mlp-seed3"}
    assert (output / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with (output / "runs.csv").open() as file:
        for row in csv.DictReader(file):
            results = json.loads((Path(row["folder"]) / "results.json").read_text())
            assert (float(row["test_accuracy"]), row["epochs"]) == (results["test"]["accuracy"], "2")
    assert "| ScaleGMN " in (output / "table.md").read_text()
    # Again, nothing is trained, and the same is written.
    before = {name: (output / name).read_bytes() for name in FILES}
    assert main([*command, "--base.training.epochs", "2"]) == OK
    assert {name: (output / name).read_bytes() for name in FILES} == before


@pytest.mark.slow
def test_a_comparison_on_networks_of_the_training_says_so(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same networks without a column of splits."""
    copy = small_population(tmp_path / "copy", networks=48, split=False).folder
    path = comparison_file(tmp_path, population, models={"a": {"metanetwork": "flat_mlp"}}, seeds=[0])
    command = ["compare", "--config", str(path), "--base.data.test_population", str(copy)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)  # it is told once, not by each training
        assert main([*command, "--base.training.epochs", "1"]) == OK
    assert capsys.readouterr().out.count("Note: 36 of the 48 test networks are networks of the training") == 1
    assert "36 of the 48 test networks" in (tmp_path / "out" / "table.md").read_text()


@pytest.mark.slow
def test_a_regression_has_intervals_and_a_scatter_plot(population: Path, tmp_path: Path) -> None:
    content = base(population) | {"task": "regression", "regression": {"link": "identity"}}
    # With so few networks, the usual leaves would hold all of them.
    content["boosting"] = {"networks_in_leaf": 3}
    models = {"a": {"metanetwork": "flat_mlp"}, "StatNN + boosting": {"metanetwork": "feature_boosting"}}
    path = comparison_file(tmp_path, population, base=content, models=models, seeds=[0], reference="a")
    assert main(["compare", "--config", str(path)]) == OK
    output = tmp_path / "out"
    assert names_in(output) == FILES | {"scatter.png", "a-seed0", "statnn-boosting-seed0"}
    with (output / "table.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    found = rows["StatNN + boosting"]
    taus = [float(rows[name]["kendall_tau_mean"]) for name in ("StatNN + boosting", "a")]
    assert float(found["difference"]) == pytest.approx(taus[0] - taus[1])
    assert float(found["difference_95_low"]) <= float(found["difference_95_high"])
    assert np.load(output / "a-seed0" / "predictions.npy").shape == (12, 2)


@pytest.mark.slow
def test_editors_stand_beside_no_edit(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = base(population) | {
        "task": "inr_editing",
        "editing": {"edit": "blur", "target": "drawing", "image_size": [6, 7]},
        "logging": {"tensorboard": True, "progress": False},
    }
    models = {"ScaleGMN": {}, "flat MLP": {"metanetwork": "flat_mlp"}}
    path = comparison_file(tmp_path, population, base=content, models=models)
    assert main(["compare", "--config", str(path)]) == OK
    assert "no edit" in capsys.readouterr().out
    output = tmp_path / "out"
    with (output / "table.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"ScaleGMN", "flat MLP", "no edit"}
    results = json.loads((output / "scalegmn-seed0" / "results.json").read_text())
    before, after = np.load(output / "scalegmn-seed0" / "errors.npy").T
    assert float(rows["no edit"]["mse_x100_mean"]) == pytest.approx(100 * before.mean(), rel=1e-5)
    assert float(rows["ScaleGMN"]["mse_x100_seed0"]) == pytest.approx(100 * after.mean(), rel=1e-5)
    assert float(rows["no edit"]["psnr_mean"]) == pytest.approx(results["test"]["no_edit"]["psnr"])
    assert rows["no edit"]["parameters"] == rows["no edit"]["test_seconds_per_network"] == ""
    assert float(rows["ScaleGMN"]["test_seconds_per_network"]) > 0
    heading = (output / "table.md").read_text().splitlines()[2]
    for column in ("MSE × 100", "PSNR in dB", "ms/prediction", "minus ScaleGMN (95 %)"):
        assert column in heading
    with (output / "runs.csv").open() as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"ScaleGMN", "flat MLP"}
    for name in ("scalegmn-seed0", "flat-mlp-seed1"):
        assert (output / name / "contact_sheet.png").read_bytes().startswith(b"\x89PNG")
    events = b"".join(path.read_bytes() for path in (output / "scalegmn-seed0" / "tensorboard").iterdir())
    assert b"val/contact_sheet" in events


def test_all_mistakes_at_once_and_nothing_is_done(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"a": {"model.feature": 3}, "b": {"data.label": "color"}, "c": {}}
    path = comparison_file(tmp_path, population, models=models)
    assert main(["compare", "--config", str(path), "--base.training.precision", "fp16_mixed"]) == USAGE
    message = capsys.readouterr().err
    assert "4 errors in the configuration; nothing was done" in message
    for words in (
        "models.a: unknown key 'model.feature'",
        "models.b: data.label is 'color', but 'label' in the base",
        "training.precision is fp16_mixed, which needs a GPU",
        "b: ",
    ):
        assert words in message
    assert not (tmp_path / "out").exists()


def test_failures_are_told_and_the_rest_is_shown(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = running.train

    def broken(config: RunConfig, *, command: list[str] | None, callbacks: object) -> None:
        if config.metanetwork == "scalegmn":
            raise ConfigurationError("the loss is nan")
        real(config, command=command)

    monkeypatch.setattr(running, "train", broken)
    path = comparison_file(tmp_path, population, seeds=[0])
    assert main(["compare", "--config", str(path)]) == NEGATIVE
    printed = capsys.readouterr()
    assert "ScaleGMN, seed 0: failed after" in printed.err
    assert "the loss is nan (1 of 2)" in printed.err
    assert "1 of the training runs failed" in printed.err
    assert "flat MLP" in printed.out
    assert names_in(tmp_path / "out") > FILES


def test_nothing_is_shown_where_all_failed(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(config: RunConfig, *, command: list[str] | None, callbacks: object) -> None:
        raise ConfigurationError("no")

    monkeypatch.setattr(running, "train", broken)
    path = comparison_file(tmp_path, population, seeds=[0])
    assert main(["compare", "--config", str(path)]) == NEGATIVE
    assert capsys.readouterr().out == ""
    assert names_in(tmp_path / "out") == {"comparison.yaml", "failures"}


def test_interruption_says_how_to_go_on(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(config: RunConfig, *, command: list[str] | None, callbacks: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "train", interrupted)
    path = comparison_file(tmp_path, population)
    assert main(["compare", "--config", str(path)]) == INTERRUPTED
    assert "add --resume to the command to go on" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--help"]) == OK
    assert "--base.SECTION.KEY" in capsys.readouterr().out
