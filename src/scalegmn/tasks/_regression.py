"""A number of a network from its weights: how well it will do on data it has not seen, or how it was trained.

Prediction of the test accuracy of small convolutional networks: Unterthiner et al., "Predicting Neural
Network Accuracy from Weights", 2020; with ScaleGMN: Kalogeropoulos et al. 2024, section 6.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from scalegmn.configuration import Configuration, NonNegative
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.metrics import pairwise_rank_loss
from scalegmn.models.baselines import OutputType
from scalegmn.nn import within_reach
from scalegmn.populations import Population
from scalegmn.tasks._regression_report import regression_report
from scalegmn.training import NumberTask, PredictionTask, Report, TaskContext

if TYPE_CHECKING:
    # For annotations alone: predictions need no metrics of a training, which take a second to import.
    from torchmetrics import MetricCollection


class Link(Enum):
    """How the number that a model returns becomes a prediction.

    ``sigmoid`` is for fractions, such as accuracies: predictions lie between 0 and 1.  ``identity`` is for
    all other numbers; they are standardized with mean and deviation of the training networks.
    """

    sigmoid = "sigmoid"
    identity = "identity"


class RegressionLoss(Enum):
    """What a prediction costs: the squared error, or the cross-entropy of shares (for ``sigmoid`` only)."""

    mse = "mse"
    bce = "bce"


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(Configuration):
    """How numbers are predicted.

    Attributes:
        link: from outputs to predictions.
        loss: of a prediction.
        rank_weight: how much of a loss about the order of the networks of a batch is added; see
            :func:`~scalegmn.metrics.pairwise_rank_loss`.
        log: predict the logarithm to base 10 of the column, for numbers that span decades, such as learning
            rates.
    """

    link: Link = Link.sigmoid
    loss: RegressionLoss = RegressionLoss.mse
    rank_weight: NonNegative = 0.0
    log: bool = False

    def contradictions(self) -> Iterator[str]:
        if self.log and self.link is Link.sigmoid:
            yield "log is true with the link sigmoid, expected the link identity: logarithms are no fractions"
        if self.loss is RegressionLoss.bce and self.link is not Link.sigmoid:
            yield f"loss is bce with the link {self.link.value}, expected sigmoid, or the loss mse"


@final
class Regression(NumberTask[Tensor]):
    """One number per network; the best model is that of the highest Kendall tau in validation.

    Targets are ``(value - center) / spread``, where value is the number of the column or its logarithm.
    :meth:`from_population` finds center and spread.

    Args:
        label: the column with the numbers.
        config: how they are predicted.
        center: the number, or logarithm, whose target is 0.
        spread: how far the one with target 1 is from it.
    """

    name = "regression"
    label: str
    sections = MappingProxyType({"regression": RegressionConfig})
    same_for_all = ("regression.log",)
    monitor = "kendall_tau"

    def __init__(
        self, *, label: str, config: RegressionConfig, center: float = 0.0, spread: float = 1.0
    ) -> None:
        self.label, self.config, self.center, self.spread = label, config, center, spread
        if not (np.isfinite(center) and np.isfinite(spread) and spread > 0):
            raise ConfigurationError(
                f"regression: center {center} and spread {spread} of the column {label!r}; expected finite "
                "numbers and a spread above 0"
            )

    @classmethod
    def build(cls, context: TaskContext) -> Regression:
        return cls.from_population(
            label=context.label,
            config=context.options.of(RegressionConfig),
            population=context.population,
            rows=context.train,
        )

    @property
    def title(self) -> str:
        return f"{super().title} of {self.label}"

    @property
    def output_type(self) -> OutputType:
        return OutputType.logit if self.config.link is Link.sigmoid else OutputType.value

    @classmethod
    def from_population(
        cls, *, label: str, config: RegressionConfig, population: Population, rows: np.ndarray
    ) -> Regression:
        """The task whose targets have mean 0 and deviation 1 for these training networks.

        Numbers far outside (:func:`scalegmn.nn.within_reach`) do not count.  With the link
        sigmoid targets are the numbers themselves.

        Raises:
            PopulationError: the numbers are all the same, so that no order can be learned, or do not fit the
                configuration.
        """
        plain = cls(label=label, config=config)
        values = plain._values(population, rows)
        # Relative to the size, so that noise in the last digit of one number is no variety.
        deviation = float(values.std()) if len(values) else 0.0
        if deviation <= 1e-12 * float(np.abs(values).max(initial=0.0)):
            what = f"is {values[0]} for all {len(values)}" if len(values) else "has none of the"
            raise PopulationError(
                f"{population.folder}: column {label!r} {what} training networks, expected different numbers "
                "(Kendall's tau needs them); choose another column, or other networks with data.where"
            )
        if config.link is Link.sigmoid:
            return plain
        near = values[within_reach(torch.from_numpy(values)[:, None])[:, 0].numpy()]
        # One number a million times the others would make all others the same.
        spread = float(near.std()) or deviation
        return cls(label=label, config=config, center=float(near.mean()), spread=spread)

    @property
    def outputs(self) -> int:
        return 1

    def targets(self, population: Population, rows: np.ndarray) -> Float[Tensor, "n"]:
        """The standardized number of every network, ``(n,)``."""
        values = self._values(population, rows)
        return torch.from_numpy(((values - self.center) / self.spread).astype(np.float32))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of predictions, and with a `rank_weight` that of the order of the batch."""
        scores = outputs[:, 0].float()
        loss = self._plain_loss(scores, targets)
        if self.config.rank_weight:
            loss = loss + self.config.rank_weight * pairwise_rank_loss(scores, targets)
        return loss

    def metrics(self) -> MetricCollection:
        """Kendall's tau, and the mean absolute error in the unit of the column (of its logarithm)."""
        from torchmetrics import MetricCollection

        from scalegmn.metrics import KendallTau, MeanAbsolute

        error = MeanAbsolute(read=_LINKS[self.config.link], unit=self.spread)
        return MetricCollection({"kendall_tau": KendallTau(), "mae": error})

    def report(self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None) -> Report:
        """Kendall's tau, R squared, errors and loss, as :func:`regression_report` describes them.

        Args:
            outputs: ``(n, 1)``.
            targets: ``(n,)``.
            groups: ``(n,)``, which networks belong together, such as checkpoints of one training; intervals
                then come from resampling whole groups.

        Raises:
            PopulationError: there are no networks to evaluate, or a prediction is not finite.
        """
        scores = outputs.detach().cpu()[:, 0].double()
        true, predicted = targets.cpu().double(), _LINKS[self.config.link](scores)
        return regression_report(
            self._in_units(true),
            self._in_units(predicted),
            label=self.label,
            log=self.config.log,
            loss=float(self._plain_loss(scores, true)) if len(true) else 0.0,
            groups=groups,
        )

    def shared_outputs(self, outputs: Tensor, *, of: PredictionTask[Any], folder: Path) -> Tensor:
        """The same predictions, in the unit of the training networks of this task.

        With the link sigmoid the unit is that of the column in all, so nothing changes.
        """
        assert isinstance(of, Regression), "training runs of one comparison share a task"
        return outputs * (of.spread / self.spread) + (of.center - self.center) / self.spread

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """The predicted number of the column."""
        values = self._in_units(self._predicted(outputs))
        return [{"value": value} for value in (10**values if self.config.log else values).tolist()]

    def errors(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        """How far predictions are off, ``(n,)``, in the unit of the column (of its logarithm where `log`
        is)."""
        true = self._in_units(targets.cpu().double())
        return np.abs(self._in_units(self._predicted(outputs)) - true)

    def intervals(self, outputs: Tensor, radius: float) -> list[tuple[float, float]]:
        """What lies at most `radius` from each prediction: ends in the unit of the column.

        Shares end at 0 and 1.  With `log` the radius is one of logarithms.
        """
        middle = self._in_units(self._predicted(outputs))
        low, high = middle - radius, middle + radius
        if self.config.log:
            low, high = 10**low, 10**high
        if self.config.link is Link.sigmoid:
            low, high = low.clip(0, 1), high.clip(0, 1)
        return list(zip(low.tolist(), high.tolist(), strict=True))

    def _predicted(self, outputs: Tensor) -> Tensor:
        """Predictions ``(n, 1)`` as targets, float64 ``(n,)``."""
        return _LINKS[self.config.link](outputs.detach().cpu()[:, 0].double())

    def arguments(self) -> Mapping[str, Any]:
        return {
            "label": self.label,
            "config": self.config,
            "center": self.center,
            "spread": self.spread,
        }

    def _plain_loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Without the part about order, which depends on how networks are batched."""
        if self.config.loss is RegressionLoss.bce:
            return binary_cross_entropy_with_logits(scores, targets.to(scores))
        return mse_loss(_LINKS[self.config.link](scores), targets.to(scores))

    def _in_units(self, targets: Tensor) -> np.ndarray:
        """Targets as numbers of the column, or as their logarithms."""
        return (targets * self.spread + self.center).numpy()

    def _values(self, population: Population, rows: np.ndarray) -> np.ndarray:
        """Numbers of the column, or their logarithms, float64 ``(n,)``."""
        values = population.column(self.label)[rows]
        origin = f"{population.folder}: column {self.label!r}"
        if values.dtype.kind not in "iuf":
            raise PopulationError(
                f"{origin}: has type {values.dtype}, expected numbers; choose another column as data.label, "
                "or the task classification"
            )
        values = values.astype(np.float64)
        log, sigmoid = self.config.log, self.config.link is Link.sigmoid
        for wrong, expected in (
            (~np.isfinite(values), "finite numbers; leave such networks out with data.where"),
            (log & (values <= 0), "numbers above 0; set regression.log to false"),
            (
                sigmoid & ((values < 0) | (values > 1)),
                "shares from 0 to 1; set regression.link to identity",
            ),
        ):
            if wrong.any():
                first = int(np.flatnonzero(wrong)[0])
                raise PopulationError(
                    f"{origin}: is {values[first]} for network {int(rows[first])} (and wrong for "
                    f"{int(wrong.sum()) - 1} more of {len(values)}), expected {expected}"
                )
        return np.log10(values) if log else values


def _identity(answers: Tensor) -> Tensor:
    return answers


_LINKS: Final[dict[Link, Callable[[Tensor], Tensor]]] = {
    Link.sigmoid: torch.sigmoid,
    Link.identity: _identity,
}
