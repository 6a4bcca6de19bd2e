"""How far models are from a reference: per seed, and by a paired bootstrap over test networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from scalegmn.comparison._finished import ERRORS, PREDICTIONS, SCORES, ModelResult, RunResult, deviation_of
from scalegmn.errors import ScaleGMNError
from scalegmn.metrics import auroc, kendall_tau, resamples
from scalegmn.training import DataConfig, groups_among, rows_tested

DRAWS: Final = 500
"""Resamples of the test networks behind the interval of a difference."""

Statistic = Callable[[np.ndarray, np.ndarray], float | None]
"""A figure from what is the same for all models that are evaluated by the same networks, and a model's
own.
"""


def _mean_error(before: np.ndarray, after: np.ndarray) -> float:
    return 100 * float(after.mean(dtype=np.float64))


# Figures that can be computed again for a resample of the test networks, from an array in the run folder
# whose columns are the arguments of the function.
_PAIRED: Final[dict[str, tuple[str, Statistic]]] = {
    "kendall_tau": (PREDICTIONS, kendall_tau),
    "auroc": (SCORES, auroc),
    "mse_x100": (ERRORS, _mean_error),
}


@dataclass(frozen=True)
class PairedDifference:
    """How far the first figure of a model is from that of the reference.

    Attributes:
        by_seed: the difference of the two training runs with this seed.
        interval: 95 % interval of the mean difference from a paired bootstrap over test networks (groups of
            them, where they belong together), with these training runs; None where predictions for single
            networks are not written.
    """

    by_seed: Mapping[int, float]
    interval: tuple[float, float] | None

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean(list(self.by_seed.values())))

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds; None for fewer than two."""
        return deviation_of(list(self.by_seed.values()))


def differences_of(
    models: Sequence[ModelResult], *, reference: str, metric: str, data: DataConfig
) -> dict[str, PairedDifference]:
    """Paired differences from the reference, by model name, for models that share a seed with it.

    Args:
        models: the reference among them.
        reference: name of the model from which differences are given.
        metric: the figure.
        data: the networks that the models were evaluated on.
    """
    (base,) = (model for model in models if model.name == reference)
    before = {run.seed: run for run in base.runs}
    draws = _Draws(metric, data)
    differences = {}
    for model in models:
        pairs = [(run, before[run.seed]) for run in model.runs if run.seed in before]
        values = [(run, other, run.value(metric), other.value(metric)) for run, other in pairs]
        by_seed = {
            run.seed: mine - its for run, _, mine, its in values if mine is not None and its is not None
        }
        if model.name != reference and by_seed:
            kept = [(run, other) for run, other in pairs if run.seed in by_seed]
            # The run folders hold the predictions of models.
            differences[model.name] = PairedDifference(
                by_seed, draws.interval(kept) if model.trained else None
            )
    return differences


@final
class _Draws:
    """A figure of every training for the same resamples of the test networks."""

    def __init__(self, metric: str, data: DataConfig) -> None:
        self._paired = _PAIRED.get(metric)
        self._data = data
        self._known: dict[Path, np.ndarray] = {}
        self._true: np.ndarray | None = None
        self._groups: np.ndarray | None = None

    def interval(self, pairs: Sequence[tuple[RunResult, RunResult]]) -> tuple[float, float] | None:
        """95 % interval of the mean difference of pairs of training runs; None where it cannot be
        computed.
        """
        drawn = [(self._values(run), self._values(other)) for run, other in pairs]
        differences = [mine - its for mine, its in drawn if mine is not None and its is not None]
        if not differences or len(differences) < len(pairs):
            return None
        means = np.mean(differences, axis=0)
        defined = means[np.isfinite(means)]
        if 2 * len(defined) <= DRAWS:
            return None
        low, high = np.quantile(defined, (0.025, 0.975))
        return float(low), float(high)

    def _values(self, run: RunResult) -> np.ndarray | None:
        """The figure of one training for every resample, NaN where it is undefined."""
        if self._paired is None:
            return None
        if run.folder not in self._known:
            name, statistic = self._paired
            numbers = run.array(name)
            if numbers is None or not self._fits(numbers[:, 0]):
                return None
            self._known[run.folder] = self._drawn(statistic, numbers[:, 0], numbers[:, 1])
        return self._known[run.folder]

    def _drawn(
        self,
        statistic: Statistic,
        true: np.ndarray,
        predicted: np.ndarray,
    ) -> np.ndarray:
        drawn = resamples(count=len(true), groups=self._groups, draws=DRAWS)
        values = [statistic(true[rows], predicted[rows]) for rows in drawn]
        return np.array([np.nan if value is None else value for value in values])

    def _fits(self, true: np.ndarray) -> bool:
        """Whether a training was tested on the same networks as the first one that was asked about."""
        if self._true is None:
            self._true, self._groups = true, _groups(self._data, len(true))
        # Models with other training networks have other units, and so other last digits.
        slack = 1e-4 * float(np.ptp(self._true))
        return self._true.shape == true.shape and bool(np.allclose(self._true, true, rtol=0, atol=slack))


def _groups(data: DataConfig, count: int) -> np.ndarray | None:
    """What each test network belongs to, where several belong together."""
    try:
        population, rows = rows_tested(data)
    except ScaleGMNError:
        # The networks are no longer there.
        return None
    return groups_among(population, rows, data) if len(rows) == count else None
