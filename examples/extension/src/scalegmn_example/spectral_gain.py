"""How much can a network enlarge a signal?  Predicted from its weights.

The product of the spectral norms of the weight matrices bounds the Lipschitz constant of a network whose
activations have slopes of at most 1 (Szegedy et al., "Intriguing properties of neural networks", 2014,
section 4.3).  It is easily computed, so this task is an exercise: which metanetworks can find it out?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torchmetrics import MeanAbsoluteError, MetricCollection

from scalegmn import Architecture, Population
from scalegmn.configuration import Configuration
from scalegmn.tasks import regression_report
from scalegmn.training import NumberTask, Report, TaskContext


class Norm(Enum):
    """The size of a weight matrix: its largest singular value, or the root of the sum of their squares."""

    spectral = 2
    frobenius = "fro"


@dataclass(frozen=True, kw_only=True)
class SpectralGainConfig(Configuration):
    """What is predicted.

    Attributes:
        norm: of the weight matrices.
    """

    norm: Norm = Norm.spectral


def log_gain(architecture: Architecture, theta: Tensor, *, norm: Norm) -> Tensor:
    """The logarithm to base 10 of the product of the norms of all weights, float64 ``(n,)``.

    A convolution counts as the matrix with one row per output channel.

    Args:
        architecture: of the networks.
        theta: their parameters, ``(n, P)``.
        norm: of each weight matrix.
    """
    weights = [value for value in architecture.unflatten(theta.double()).values() if value.ndim > 2]
    sizes = [torch.linalg.matrix_norm(weight.flatten(2), ord=norm.value) for weight in weights]
    return torch.stack(sizes).log10().sum(0)


@final
class SpectralGain(NumberTask[Tensor]):
    """The mean squared error of the standardized logarithm; the best model has the smallest absolute error.

    Args:
        config: what is predicted.
        center, spread: mean and standard deviation of the logarithms of the training networks.
    """

    name = "spectral_gain"
    sections = MappingProxyType({"spectral_gain": SpectralGainConfig})
    same_for_all = ("spectral_gain.norm",)
    monitor = "mae"
    larger_is_better = False
    headline = ("mae", "r2")

    def __init__(self, *, config: SpectralGainConfig, center: float = 0.0, spread: float = 1.0) -> None:
        self.config, self.center, self.spread = config, center, spread

    @classmethod
    def build(cls, context: TaskContext) -> SpectralGain:
        plain = cls(config=context.options.of(SpectralGainConfig))
        values = plain.targets(context.population, context.train)
        return cls(config=plain.config, center=float(values.mean()), spread=float(values.std()))

    def arguments(self) -> Mapping[str, Any]:
        return {"config": self.config, "center": self.center, "spread": self.spread}

    @property
    def outputs(self) -> int:
        return 1

    def targets(self, population: Population, rows: np.ndarray) -> Tensor:
        found = torch.empty(len(rows), dtype=torch.float64)
        for architecture, positions, theta in population.groups(rows):
            found[positions] = log_gain(architecture, theta, norm=self.config.norm)
        return ((found - self.center) / self.spread).float()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs[:, 0].float(), targets)

    def metrics(self) -> MetricCollection:
        return MetricCollection({"mae": MeanAbsoluteError()})

    def measure(self, metrics: MetricCollection, outputs: Tensor, targets: Tensor) -> None:
        metrics.update(outputs[:, 0].float(), targets)

    def report(self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None) -> Report:
        return regression_report(
            self._logarithms(targets),
            self._logarithms(outputs[:, 0]),
            label="spectral gain",
            log=True,
            loss=float(self.loss(outputs, targets)),
            groups=groups,
        )

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        return [{"gain": 10**value} for value in self._logarithms(outputs[:, 0]).tolist()]

    def errors(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        return np.abs(self._logarithms(outputs[:, 0]) - self._logarithms(targets))

    def intervals(self, outputs: Tensor, radius: float) -> list[tuple[float, float]]:
        middle = self._logarithms(outputs[:, 0])
        return [(10 ** (value - radius), 10 ** (value + radius)) for value in middle.tolist()]

    def _logarithms(self, standardized: Tensor) -> np.ndarray:
        return (standardized.detach().cpu().double() * self.spread + self.center).numpy()
