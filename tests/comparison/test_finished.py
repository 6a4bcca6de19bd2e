from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from scalegmn.comparison._finished import ModelResult, RunResult, deviation_of, mean_of, read_result
from scalegmn.errors import ConfigurationError
from tests.comparison.cases import finished


def test_a_training_is_read_from_its_folder(tmp_path: Path) -> None:
    results = {
        "test": {"networks": 40, "kendall_tau": 0.5, "kendall_tau_interval_95": [0.4, 0.6], "r2": None},
        "parameters": 123,
    }
    (tmp_path / "results.json").write_text(json.dumps(results))
    read = read_result(tmp_path, seed=4)
    assert (read.seed, read.folder, read.results["parameters"]) == (4, tmp_path, 123)
    assert (read.value("kendall_tau"), read.interval("kendall_tau")) == (0.5, (0.4, 0.6))
    for name in ("r2", "mae"):
        assert read.value(name) is None and read.interval(name) is None
    assert read.predictions is None
    np.save(tmp_path / "predictions.npy", np.ones((40, 2)))
    assert read.predictions is not None and read.predictions.shape == (40, 2)


def test_folders_without_figures(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"results\.json"):
        read_result(tmp_path, seed=4)
    for content in ("{", '{"parameters": 3}', '{"test": null}'):
        (tmp_path / "results.json").write_text(content)
        with pytest.raises(ConfigurationError, match=r"results\.json"):
            read_result(tmp_path, seed=4)


def test_predictions_are_no_pickles(tmp_path: Path) -> None:
    np.save(tmp_path / "predictions.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        _ = finished(tmp_path, 0, {}).predictions


def test_figures_over_seeds(tmp_path: Path) -> None:
    taus = (0.1, 0.4, None)
    runs: list[RunResult] = [finished(tmp_path / str(i), i, {"tau": tau}) for i, tau in enumerate(taus)]
    runs[2] = dataclasses.replace(runs[2], results={"parameters": 400, "seconds": None})
    model = ModelResult("a", tuple(runs))
    assert model.defined_values("tau") == [0.1, 0.4]
    assert model.mean("tau") == pytest.approx(0.25)
    assert model.deviation("tau") == pytest.approx(0.3 / math.sqrt(2))
    assert model.fact("parameters") == pytest.approx(800)
    assert model.fact("seconds") == pytest.approx(12.5)
    assert model.mean("mae") is None and model.fact("color") is None
    empty = ModelResult("b", ())
    assert (empty.mean("tau"), empty.deviation("tau"), empty.fact("seconds")) == (None, None, None)


def test_few_values() -> None:
    assert mean_of([]) is None and mean_of([2.0]) == 2.0
    assert deviation_of([2.0]) is None and deviation_of([1.0, 1.0]) == 0.0
