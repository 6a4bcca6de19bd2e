"""Finished training runs as a comparison sees them: figures on the test networks, over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.networks import read_json
from scalegmn.training import RESULTS

PREDICTIONS: Final = "predictions.npy"
"""In the run folder of a regression: true and predicted numbers, ``(n, 2)``."""
SCORES: Final = "scores.npy"
"""In the run folder of a detection: 1 or 0, and the logit of 1, ``(n, 2)``."""
CURVE: Final = "roc.npy"
"""In the run folder of a detection: the points of its ROC curve."""
ERRORS: Final = "errors.npy"
"""In the run folder of an editor: squared errors of networks before and after their edit, ``(n, 2)``."""


@dataclass(frozen=True)
class RunResult:
    """A finished training.

    Attributes:
        seed: of the training.
        folder: the run folder.
        test: the figures on the test networks, by name.
        results: everything in ``results.json``.
    """

    seed: int
    folder: Path
    test: Mapping[str, Any]
    results: Mapping[str, Any]

    def value(self, metric: str) -> float | None:
        """A figure on the test networks; None where it is undefined."""
        found = self.test.get(metric)
        return None if found is None else float(found)

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Its 95 % interval over test networks, where the task gives one."""
        found = self.test.get(f"{metric}_interval_95")
        return None if found is None else (float(found[0]), float(found[1]))

    @property
    def predictions(self) -> np.ndarray | None:
        """True and predicted numbers ``(n, 2)``, where the task writes them."""
        return self.array(PREDICTIONS)

    @property
    def curve(self) -> np.ndarray | None:
        """The points of a ROC curve ``(k, 3)``, where the task writes them."""
        return self.array(CURVE)

    def array(self, name: str) -> np.ndarray | None:
        """An array that the training left in its folder; None where it did not."""
        path = self.folder / name
        return np.load(path, allow_pickle=False) if path.is_file() else None


@dataclass(frozen=True)
class ModelResult:
    """A model and its finished training runs, in the order of seeds; there may be none.

    Attributes:
        name: as people call it.
        runs: the training runs.
        trained: False for what needs no training, such as leaving networks as they are: `runs` has its
            figures where training runs reported them, and nothing else.
    """

    name: str
    runs: tuple[RunResult, ...]
    trained: bool = True

    def defined_values(self, metric: str) -> list[float]:
        """The values of a figure, without those that are undefined."""
        return [value for run in self.runs if (value := run.value(metric)) is not None]

    def mean(self, metric: str) -> float | None:
        """Over seeds; None where no training has a value."""
        return mean_of(self.defined_values(metric))

    def deviation(self, metric: str) -> float | None:
        """The standard deviation over seeds (n - 1 in the denominator); None for fewer than two."""
        return deviation_of(self.defined_values(metric))

    def fact(self, name: str) -> float | None:
        """The mean over seeds of an entry of ``results.json``; None where it is missing."""
        return mean_of([float(run.results[name]) for run in self.runs if run.results.get(name) is not None])


def read_result(folder: Path, *, seed: int) -> RunResult:
    """Read what a finished training left, or those of all folds together.

    Raises:
        ConfigurationError: the results are damaged, or there are none on test networks.
    """
    results = read_json(folder / RESULTS, what="results of a run", constants=True)
    if not isinstance(results.get("test"), dict):
        raise ConfigurationError(
            f"{folder / RESULTS}: has no figures on test networks; remove {folder} and train again"
        )
    return RunResult(seed, folder, results["test"], results)


def untrained_of(models: Sequence[ModelResult], entry: str) -> ModelResult | None:
    """What training runs report under `entry` beside their own figures, as a result of its own.

    It is the same for all training runs with the same test networks, so those of any one model say it.

    Returns:
        None where nothing reports it, or a model has its name.
    """
    name = entry.replace("_", " ")
    if any(model.name == name for model in models):
        return None
    for model in sorted(models, key=lambda model: -len(model.runs)):
        found = [run for run in model.runs if isinstance(run.test.get(entry), dict)]
        if found:
            runs = [dataclasses.replace(run, test=run.test[entry], results={}) for run in found]
            return ModelResult(name, tuple(runs), trained=False)
    return None


def mean_of(values: Sequence[float]) -> float | None:
    """Mean of the values, or None if there are none."""
    return float(np.mean(values)) if values else None


def deviation_of(values: Sequence[float]) -> float | None:
    """The standard deviation with n - 1 in the denominator; None for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
