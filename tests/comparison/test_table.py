from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from scalegmn.comparison import (
    Comparison,
    comparison_table,
    costs_table,
    draw_comparison,
    draw_predictions,
    figures_table,
    notes,
    runs_csv,
    table_csv,
)
from scalegmn.comparison._finished import ModelResult, RunResult, untrained_of
from scalegmn.comparison._picture import ComparisonError
from scalegmn.comparison._table import NumberFormat, title_of
from scalegmn.metrics import kendall_tau
from scalegmn.reports import save_figure
from scalegmn.tasks import Classification
from tests.comparison.cases import compared, finished

NETWORKS = 40


def regression_run(folder: Path, seed: int, noise: float) -> RunResult:
    true = np.random.default_rng(7).uniform(size=NETWORKS)
    predicted = true + noise * np.random.default_rng(seed).normal(size=NETWORKS)
    tau = kendall_tau(true, predicted)
    assert tau is not None
    test = {
        "kendall_tau": tau,
        "kendall_tau_interval_95": [tau - 0.1, tau + 0.05],
        "mae": float(np.abs(true - predicted).mean()),
        "mae_interval_95": None,
        "scale": "linear",
        "remarks": [],
    }
    return finished(folder, seed, test, np.stack([true, predicted], axis=1))


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    models = [
        ModelResult(name, tuple(regression_run(folder / f"{name}{seed}", seed, noise) for seed in seeds))
        for name, noise, seeds in (
            ("ScaleGMN", 0.1, (0, 1, 2)),
            ("flat MLP", 0.5, (1, 2)),
            ("failed", 0.5, ()),
        )
    ]
    return compared(models, reference="ScaleGMN", population=folder / "cnns")


@pytest.fixture(scope="module")
def classification(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    models = [
        ModelResult(name, (finished(folder / name, 0, {"accuracy": accuracy, "loss": 2.0}),))
        for name, accuracy in (("a", 0.75), ("b", 0.5))
    ]
    task = Classification(label="label", classes=["x", "y"])
    metrics = ("accuracy", "loss")
    return compared(models, reference="a", population=folder, task=task, metrics=metrics)


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["model"]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.slow
def test_table_to_read(regression: Comparison) -> None:
    table = comparison_table(regression)
    assert table.title == "Regression of test_accuracy: 40 test networks of cnns"
    columns = ("model", "Kendall tau", "mean absolute error", "seeds", "minus ScaleGMN (95 %)")
    assert table.columns == (*columns, "parameters", "training", "networks/s")
    taus = [run.test["kendall_tau"] for run in regression.models[0].runs]
    first = table.rows[0]
    assert first[:2] == ("ScaleGMN", f"{np.mean(taus):.4f} ± {np.std(taus, ddof=1):.4f}")
    assert first[3:] == ("3", "-", "1,000", "12.5 s", "80")
    difference = regression.differences["flat MLP"]
    assert difference.interval is not None
    low, high = difference.interval
    assert table.rows[1][3:5] == ("2 of 3", f"{difference.mean:+.4f} ({low:+.4f} to {high:+.4f})")
    assert table.rows[2] == ("failed", "-", "-", "0 of 3", "-", "-", "-", "-")


def test_the_table_is_two_smaller_ones(regression: Comparison) -> None:
    whole, left, right = comparison_table(regression), figures_table(regression), costs_table(regression)
    assert whole.columns == (*left.columns, *right.columns[1:])
    assert [row[0] for row in left.rows] == [row[0] for row in right.rows]


def test_one_seed_has_no_spread(classification: Comparison) -> None:
    table = comparison_table(classification)
    assert table.rows[0][:4] == ("a", "0.7500", "2.0000", "1")
    # Without predictions for single networks there is no interval, and the heading promises none.
    assert table.columns[4] == "minus a"
    assert table.rows[1][4] == "-0.2500"


def test_notes_say_what_is_behind_figures(regression: Comparison, classification: Comparison) -> None:
    text = " ".join(notes(regression))
    for words in ("standard deviation over the seeds 0, 1, 2", "paired bootstrap", "500 resamples"):
        assert words in text
    assert "bootstrap" not in " ".join(notes(classification))


def test_csv_of_models_has_full_precision(regression: Comparison) -> None:
    rows = rows_of(table_csv(regression))
    assert list(rows) == ["ScaleGMN", "flat MLP", "failed"]
    for model in regression.models[:2]:
        row, taus = rows[model.name], model.defined_values("kendall_tau")
        assert float(row["kendall_tau_mean"]) == np.mean(taus)
        assert float(row["kendall_tau_sd"]) == np.std(taus, ddof=1)
        assert [float(row[f"kendall_tau_seed{run.seed}"]) for run in model.runs] == taus
        assert (int(row["seeds"]), row["parameters"], row["seconds"]) == (len(taus), "1000", "12.5")
        assert row["networks_per_second"] == "80"
    assert rows["flat MLP"]["kendall_tau_seed0"] == rows["failed"]["kendall_tau_mean"] == ""
    found, difference = rows["flat MLP"], regression.differences["flat MLP"]
    assert (float(found["difference"]), found["reference"]) == (difference.mean, "ScaleGMN")
    ends = (float(found["difference_95_low"]), float(found["difference_95_high"]))
    assert ends == difference.interval


def test_csv_of_runs_has_a_row_each(regression: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(runs_csv(regression))))
    assert [(row["model"], row["seed"]) for row in rows] == [
        ("ScaleGMN", "0"),
        ("ScaleGMN", "1"),
        ("ScaleGMN", "2"),
        ("flat MLP", "1"),
        ("flat MLP", "2"),
    ]
    run = regression.models[1].runs[0]
    assert float(rows[3]["test_kendall_tau"]) == run.test["kendall_tau"]
    assert float(rows[3]["test_kendall_tau_95_low"]) == run.test["kendall_tau_interval_95"][0]
    assert (rows[3]["folder"], rows[3]["best_epoch"]) == (str(run.folder), "3")
    # Words and lists are no figures.
    assert not {"test_scale", "test_remarks", "test_mae_95_low"} & set(rows[0])


def test_undefined_values_are_said_to_be(tmp_path: Path) -> None:
    runs = [finished(tmp_path / str(n), n, {"kendall_tau": tau}) for n, tau in enumerate((0.5, None))]
    models = [ModelResult("half", tuple(runs)), ModelResult("none", (runs[1],))]
    comparison = compared(models, reference="half", population=tmp_path, metrics=("kendall_tau",))
    cells = [row[1] for row in comparison_table(comparison).rows]
    assert cells == ["0.5000 (1 undefined)", "undefined"]
    draw_comparison(comparison)
    with pytest.raises(ComparisonError, match="no training has a value of 'kendall_tau'"):
        draw_comparison(compared(models[1:], reference="none", population=tmp_path, metrics=("kendall_tau",)))


def test_tiny_values_keep_their_digits(tmp_path: Path) -> None:
    runs = [finished(tmp_path / str(n), n, {"mse": 1.234e-4 * (n + 1)}) for n in range(2)]
    comparison = compared(
        [ModelResult("a", tuple(runs))], reference="a", population=tmp_path, metrics=("mse",)
    )
    number = NumberFormat.from_comparison(comparison, "mse")
    assert (number(1.234e-4), number.format_signed(-1.234e-4)) == ("1.23e-04", "-1.23e-04")


def test_names_of_figures() -> None:
    assert (title_of("kendall_tau"), title_of("balanced_accuracy")) == ("Kendall tau", "balanced accuracy")


def test_every_seed_is_a_dot_and_the_mean_a_line(regression: Comparison, tmp_path: Path) -> None:
    figure = draw_comparison(regression)
    axes = figure.axes[0]
    # Models without a value are not drawn.
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ScaleGMN", "flat MLP"]
    low, high = axes.get_ylim()
    assert low > high, "the best model is on top"
    dots = [c.get_offsets() for c in axes.collections if len(c.get_offsets()) > 1]
    for model, drawn in zip(regression.models, dots, strict=False):
        assert np.asarray(drawn)[:, 0].tolist() == model.defined_values("kendall_tau")
    assert axes.get_xlabel() == "Kendall tau on test networks (larger is better)"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[-1] == "95 % interval of the first seed, over test networks"
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 10_000


def test_no_key_of_intervals_where_there_are_none(classification: Comparison) -> None:
    words = [text.get_text() for text in draw_comparison(classification).legends[0].get_texts()]
    assert words == ["one seed", "mean over seeds"]


def test_predictions_beside_the_truth(regression: Comparison, classification: Comparison) -> None:
    figure = draw_predictions(regression)
    assert figure is not None
    titles = [text.get_text() for axes in figure.axes for text in (axes.title, axes._left_title)]  # type: ignore[attr-defined]
    # The first seed that is finished; a model without any has no panel.
    assert "ScaleGMN, seed 0" in titles
    assert "flat MLP, seed 1" in titles
    assert not any("failed" in title for title in titles)
    assert draw_predictions(classification) is None


def test_what_needs_no_model_has_a_row_without_costs(tmp_path: Path) -> None:
    runs = []
    for seed in (0, 1):
        own, left_alone = {"mse_x100": 2.0 + seed, "psnr": 17.0}, {"mse_x100": 7.0, "psnr": 11.0}
        run = finished(tmp_path / str(seed), seed, {**own, "no_edit": left_alone})
        costs = {"test_seconds_per_network": 0.00512, "test_flop_per_network": 23.4e6}
        results = {**run.results, **costs}
        runs.append(dataclasses.replace(run, results=results))
    trained = ModelResult("ScaleGMN", tuple(runs))
    without = untrained_of([trained, ModelResult("failed", ())], "no_edit")
    assert without is not None
    comparison = compared(
        [trained, without], reference="ScaleGMN", population=tmp_path, metrics=("mse_x100", "psnr")
    )
    table = comparison_table(comparison)
    assert table.columns[1:3] == ("MSE × 100", "PSNR in dB")
    assert table.columns[-2:] == ("ms/prediction", "MFLOP/prediction")
    assert table.rows[0][-2:] == ("5.12", "23.4")
    assert table.rows[1] == ("no edit", "7.0000", "11.0000", "-", "+4.5000 ± 0.7071", *["-"] * 5)
    text = " ".join(notes(comparison))
    assert "Without any model: no edit." in text
    assert "ms/prediction" in text and "MFLOP/prediction: millions of" in text
    assert list(rows_of(table_csv(comparison))) == ["ScaleGMN", "no edit"]
    assert list(rows_of(runs_csv(comparison))) == ["ScaleGMN"]
    # A model may have the name, and tasks without such figures have no such row.
    assert untrained_of([trained, ModelResult("no edit", ())], "no_edit") is None
    assert untrained_of([trained], "no_model") is None
