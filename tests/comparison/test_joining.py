"""Figures out of fold and learning curves, of models that are fitted in a moment."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

from scalegmn.comparison import (
    Comparison,
    ComparisonConfig,
    collect,
    collect_sizes,
    compare,
    comparison_errors,
    draw_bins,
    draw_sizes,
    figures_table,
    notes,
    parse_comparison,
    sizes_csv,
    sizes_table,
)
from scalegmn.comparison import _running as running
from scalegmn.comparison._differences import DRAWS
from scalegmn.metrics import auroc, resamples
from scalegmn.populations import Population
from scalegmn.reports import save_figure
from scalegmn.trojans.detection import Calibration
from tests.comparison.cases import base, comparison_file, configured
from tests.training.small import small_population
from tests.trojans.detection.detection_cases import twins

MODELS = {
    "StatNN": {"metanetwork": "feature_logistic"},
    "norms": {"metanetwork": "feature_logistic", "features.type": "norms"},
}
FOLDS = 3


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return twins(tmp_path_factory.mktemp("folds") / "twins", pairs=36, strength=0.8)


def detection_file(folder: Path, population: Population, **changes: object) -> Path:
    content = base(population.folder) | {"task": "trojan_detection"}
    return comparison_file(folder, population.folder, base=content, models=MODELS, seeds=[0], **changes)


@pytest.fixture(scope="module")
def done(population: Population, tmp_path_factory: pytest.TempPathFactory) -> ComparisonConfig:
    """A comparison out of fold that is finished, and must not be changed."""
    path = detection_file(tmp_path_factory.mktemp("done"), population, folds=FOLDS)
    config = configured(path)
    lines: list[str] = []
    assert comparison_errors(config) == []
    assert compare(config, tell=lines.append) == ()
    assert lines[0] == "6 training runs to do"
    assert lines[1].startswith("StatNN, seed 0, fold 0: auroc")
    assert lines[-1].startswith("norms, seed 0, 3 folds: auroc")
    return config


def joined_folder(config: ComparisonConfig, model: str) -> Path:
    (folder,) = {run.joined for run in config.runs if run.model == model}
    assert folder is not None
    return folder


@pytest.mark.slow
def test_all_networks_are_predicted_by_models_that_did_not_see_them(
    population: Population, done: ComparisonConfig
) -> None:
    runs = [run for run in done.runs if run.model == "StatNN"]
    scores = np.load(joined_folder(done, "StatNN") / "scores.npy")
    assert np.array_equal(scores[:, 0], population.column("trojaned"))
    with (joined_folder(done, "StatNN") / "networks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(len(population)))
    networks = population.column("network")
    fold_of = np.array([int(row["fold"]) for row in rows])
    # Twins are in one fold, and each fold's scores are calibrated logits of its own model.
    assert all(len(set(fold_of[networks == group])) == 1 for group in np.unique(networks))
    for fold, run in enumerate(runs):
        alone = np.load(run.folder / "scores.npy")
        odds = Calibration.load(run.folder).log_odds(alone[:, 1], prior=None)
        assert np.allclose(scores[fold_of == fold, 1], odds, rtol=1e-6)
        assert not np.allclose(odds, alone[:, 1], rtol=1e-3)


def test_figures_are_about_all_predictions_together(population: Population, done: ComparisonConfig) -> None:
    comparison = collect(done)
    assert comparison is not None
    assert (comparison.folds, comparison.networks) == (FOLDS, len(population))
    (model,) = (one for one in comparison.models if one.name == "StatNN")
    scores = np.load(joined_folder(done, "StatNN") / "scores.npy")
    assert model.mean("auroc") == auroc(scores[:, 0], scores[:, 1])
    alone = [
        json.loads((run.folder / "results.json").read_text())["test"]["auroc"]
        for run in done.runs
        if run.model == "StatNN"
    ]
    assert model.runs[0].test["by_fold"]["auroc"] == alone
    assert model.mean("auroc_mean_of_folds") == pytest.approx(np.mean(alone))
    table = figures_table(comparison)
    assert table.title == f"Trojan detection: {len(population)} networks of twins, each out of one of 3 folds"
    assert "AUROC, mean of folds" in table.columns
    assert any("learned from the other 2 of 3 folds" in note for note in notes(comparison))


def test_differences_resample_base_networks(population: Population, done: ComparisonConfig) -> None:
    comparison = collect(done)
    assert comparison is not None
    found = comparison.differences["norms"].interval
    scores = {name: np.load(joined_folder(done, name) / "scores.npy") for name in MODELS}
    drawn = []
    for rows in resamples(count=len(population), groups=population.column("network"), draws=DRAWS):
        norms, statnn = (auroc(*scores[name][rows].T) for name in ("norms", "StatNN"))
        assert norms is not None and statnn is not None
        drawn.append(norms - statnn)
    assert found == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


@pytest.mark.slow
def test_what_is_finished_is_neither_trained_nor_joined_again(
    done: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("nothing was left to do")

    monkeypatch.setattr(running, "train", refuse)
    lines: list[str] = []
    assert comparison_errors(done) == []
    assert compare(done, tell=lines.append) == ()
    assert lines == ["0 training runs to do, 6 are finished already"]
    # A training that was changed is joined anew.
    results = done.runs[0].folder / "results.json"
    before = results.read_text()
    results.write_text(before.replace('"seconds"', '"time"', 1))
    assert compare(done, tell=lines.append) == ()
    assert lines[-1].startswith("StatNN, seed 0, 3 folds: auroc")
    results.write_text(before)
    assert compare(done, tell=lines.append) == ()


@pytest.mark.slow
def test_a_fold_that_cannot_be_joined_is_a_failure(population: Population, tmp_path: Path) -> None:
    config = configured(detection_file(tmp_path, population, folds=2, only=["norms"]))
    compare(config, tell=lambda line: None)
    folder = joined_folder(config, "norms")
    (config.output / "norms-seed0-2folds-1" / "outputs.npy").write_bytes(b"damaged")
    lines: list[str] = []
    (failure,) = compare(config, tell=lines.append)
    assert "outputs.npy: cannot be read" in failure.reason and "cannot be joined" in lines[-1]
    assert (config.output / "failures" / f"{folder.name}.txt").is_file()
    assert collect(config) is None


@pytest.mark.slow
def test_curves_over_a_column_are_about_all_predictions(done: ComparisonConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(done, curves=("target",))
    # What is joined lacks them, so it is joined anew.
    assert collect(config) is None
    lines: list[str] = []
    assert comparison_errors(config) == [] and compare(config, tell=lines.append) == ()
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "StatNN, seed 0, 3 folds",
        "norms, seed 0, 3 folds",
    ]
    comparison = collect(config)
    assert comparison is not None
    for model in comparison.models:
        bins, scores = model.runs[0].test["curve_target"], np.load(model.runs[0].folder / "scores.npy")
        assert [entry["from"] for entry in bins] == [0.0, 1.0, 2.0]
        assert sum(entry["networks"] for entry in bins) == scores[:, 0].sum()
    picture = draw_bins(comparison, "target")
    assert picture is not None and len(picture.axes[0].lines) == 2
    assert save_figure(picture, tmp_path / "bins.png").stat().st_size > 1000
    compare(done, tell=lines.append)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["identity", "sigmoid"])
def test_numbers_of_different_units_are_joined_in_one(link: str, tmp_path: Path) -> None:
    """Each fold standardizes by its own training networks."""
    population = small_population(tmp_path / "small", networks=48, numbers=True)
    content = base(population.folder) | {"task": "regression", "regression": {"link": link}}
    content["data"]["label"] = "number"
    content["boosting"] = {"networks_in_leaf": 3, "iterations": 5}
    path = comparison_file(
        tmp_path,
        population.folder,
        base=content,
        models={"a": {"metanetwork": "feature_boosting"}},
        seeds=[0],
    )
    config = configured(path, "--folds", "2")
    assert compare(config, tell=lambda line: None) == ()
    together = np.load(joined_folder(config, "a") / "predictions.npy")
    alone = [np.load(run.folder / "predictions.npy") for run in config.runs]
    assert np.allclose(together[:, 0], population.column("number"), atol=1e-6)
    assert np.allclose(sorted(together[:, 1]), sorted(np.concatenate(alone)[:, 1]), atol=1e-6)


def sizes_of(config: ComparisonConfig) -> dict[int, Comparison]:
    assert comparison_errors(config) == []
    assert compare(config, tell=lambda line: None) == ()
    return collect_sizes(config)


@pytest.mark.slow
def test_learning_curves(population: Population, tmp_path: Path) -> None:
    config = configured(detection_file(tmp_path, population), "--sizes", "24", "8", "--base.data.test", "0.3")
    sizes = sizes_of(config)
    assert list(sizes) == [8, 24]
    names = [run.folder.name for run in config.runs]
    assert names == [f"{model}-seed0-groups{size}" for size in (8, 24) for model in ("statnn", "norms")]
    tested = [np.load(run.folder / "scores.npy")[:, 0] for run in config.runs]
    assert all(np.array_equal(tested[0], other) for other in tested)
    table = sizes_table(sizes)
    assert table.columns == ("model", "8 groups", "24 groups") and "24 groups" not in table.title
    assert [row[0] for row in table.rows] == [model.name for model in sizes[24].models]
    rows = list(csv.DictReader(io.StringIO(sizes_csv(sizes))))
    assert [(row["model"], row["groups"]) for row in rows[:2]] == [
        (table.rows[0][0], "8"),
        (table.rows[0][0], "24"),
    ]
    for row in rows:
        (model,) = (one for one in sizes[int(row["groups"])].models if one.name == row["model"])
        assert float(row["auroc_mean"]) == model.mean("auroc")
    picture = draw_sizes(sizes)
    assert picture is not None
    assert save_figure(picture, tmp_path / "sizes.png").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--folds", "2", "--curves", "wrong"), "curve: "),
        (("--folds", "2", "--curves", "trigger_kind"), "expected numbers"),
        (("--folds", "37"), "data.folds is 37, but there are only 36 groups"),
        (("--sizes", "8", "40"), "40 groups: data.train_groups is 40, but there are only 32 groups"),
        (("--sizes", "2", "--base.data.validation", "0.8"), "data.train_groups is 2, of which 2 would be"),
    ],
)
def test_folds_and_sizes_that_cannot_be(
    options: tuple[str, ...], message: str, population: Population, tmp_path: Path
) -> None:
    problems = comparison_errors(configured(detection_file(tmp_path, population), *options))
    assert len(problems) == 1 and message in problems[0]


def test_folds_of_one_kind_are_said_by_their_number(population: Population, tmp_path: Path) -> None:
    where = '{"trojaned": true}'
    (problem,) = comparison_errors(
        configured(detection_file(tmp_path, population, folds=2), "--base.data.where", where)
    )
    assert "only networks with trojaned 1 for training" in problem


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--folds", "1"), "folds"),
        (("--sizes", "8", "8"), "sizes"),
        (("--sizes",), "--sizes has no value"),
        (("--curves", "target"), "curves: they are drawn of all networks"),
        (("--folds", "2", "--base.data.test_population", "other"), "folds: data.test_population says"),
    ],
)
def test_options_that_cannot_be(
    options: tuple[str, ...], message: str, population: Population, tmp_path: Path
) -> None:
    path = detection_file(tmp_path, population)
    _, problems = parse_comparison(["--config", str(path), *options])
    assert len(problems) == 1 and message in problems[0]


def test_models_may_not_choose_their_own_folds(population: Population, tmp_path: Path) -> None:
    content = base(population.folder) | {"task": "trojan_detection"}
    models = {"a": {"metanetwork": "feature_logistic"}, "b": {"data.train_groups": 8}}
    path = comparison_file(tmp_path, population.folder, base=content, models=models)
    _, problems = parse_comparison(["--config", str(path)])
    assert len(problems) == 1 and "data.train_groups is 8" in problems[0]


def test_written_networks_have_no_figures_out_of_fold(population: Population, tmp_path: Path) -> None:
    content = base(population.folder) | {"task": "trojan_repair"}
    path = comparison_file(tmp_path, population.folder, base=content, models={"a": {}}, folds=2)
    _, problems = parse_comparison(["--config", str(path)])
    assert any(problem.startswith("folds: the task trojan_repair writes networks") for problem in problems)
