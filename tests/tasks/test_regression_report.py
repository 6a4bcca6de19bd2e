from __future__ import annotations

import json
import time

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from scalegmn.errors import PopulationError
from scalegmn.metrics import r_squared
from scalegmn.tasks._regression_report import regression_report
from scalegmn.training import Report


def report(true: np.ndarray, predicted: np.ndarray, **arguments: object) -> Report:
    values: dict[str, object] = {"label": "accuracy", "log": False, "loss": 0.25} | arguments
    return regression_report(true, predicted, **values)  # type: ignore[arg-type]


def cases(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    true = random.random(count).round(2)
    return true, 0.8 * true + 0.1 + 0.1 * random.normal(size=count)


def test_figures_are_those_of_other_libraries() -> None:
    true, predicted = cases()
    summary = report(true, predicted).summary
    assert summary["networks"] == 200
    assert summary["kendall_tau"] == pytest.approx(kendalltau(true, predicted).statistic)
    assert summary["spearman"] == pytest.approx(spearmanr(true, predicted).statistic)
    assert summary["r2"] == pytest.approx(r2_score(true, predicted))
    assert summary["mae"] == pytest.approx(mean_absolute_error(true, predicted))
    assert summary["rmse"] == pytest.approx(root_mean_squared_error(true, predicted))
    for name in ("kendall_tau", "r2", "mae"):
        low, high = summary[f"{name}_interval_95"]
        assert low < summary[name] < high
        assert high - low < 0.2
    assert summary["remarks"] == []
    json.dumps(summary, allow_nan=False)


@pytest.mark.slow
def test_predictions_are_kept_in_the_unit_of_the_column() -> None:
    true, predicted = cases(20)
    assert (report(true, predicted).arrays["predictions"] == np.stack([true, predicted], 1)).all()
    powers = report(true, predicted, log=True)
    assert powers.arrays["predictions"] == pytest.approx(10 ** np.stack([true, predicted], 1))
    assert powers.summary["mae"] == report(true, predicted).summary["mae"]


@pytest.mark.parametrize(
    ("true", "predicted", "remark", "undefined"),
    [
        ([0.3], [0.4], "one network only", {"kendall_tau", "r2", "spearman"}),
        ([0.3] * 4, [0.1, 0.2, 0.3, 0.4], "'accuracy' is the same", {"kendall_tau", "r2", "spearman"}),
        ([0.1, 0.2, 0.3], [0.5] * 3, "outputs the same", {"kendall_tau", "spearman"}),
    ],
)
def test_what_is_undefined_is_none_with_a_remark(
    true: list[float], predicted: list[float], remark: str, undefined: set[str]
) -> None:
    found = report(np.array(true), np.array(predicted))
    assert {name for name in ("kendall_tau", "r2", "spearman") if found.summary[name] is None} == undefined
    assert len(found.summary["remarks"]) == 1
    assert remark in found.summary["remarks"][0]
    assert remark in found.tables[1].rows[0][0]  # type: ignore[operator]
    assert found.summary["mae"] >= 0
    json.dumps(found.summary, allow_nan=False)


def test_r_squared_of_the_mean_is_zero() -> None:
    true = np.array([1.0, 2.0, 6.0])
    assert r_squared(true, np.full(3, 3.0)) == pytest.approx(0)
    assert r_squared(true, true) == 1
    assert r_squared(np.full(3, 0.1), true) is None


def test_no_networks_and_no_numbers_are_refused() -> None:
    with pytest.raises(PopulationError, match="no networks to evaluate"):
        report(np.empty(0), np.empty(0))
    with pytest.raises(PopulationError, match=r"predicts nan about network 1 \(and 1 more of the 3"):
        report(np.zeros(3), np.array([0.1, np.nan, np.inf]))


@pytest.mark.slow
def test_thousands_of_networks_take_seconds() -> None:
    true, predicted = cases(3000)
    began = time.perf_counter()
    summary = report(true, predicted).summary
    assert time.perf_counter() - began < 20
    low, high = summary["kendall_tau_interval_95"]
    assert high - low < 0.05
