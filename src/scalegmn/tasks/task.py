"""What every task states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torchmetrics import MetricCollection


@dataclass(frozen=True)
class Table:
    """Rows to print: a title, names of columns, and one tuple of numbers or words per row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, eq=False)
class Report:
    """How well a model did on some networks.

    Attributes:
        summary: numbers by name, fit for JSON.
        tables: the same and more, to print.
        arrays: what is too large to print, such as a confusion matrix, by name.
    """

    summary: dict[str, Any]
    tables: tuple[Table, ...]
    arrays: dict[str, np.ndarray]


class Task(ABC):
    """Targets, loss, metrics and report of one task.

    Shapes: outputs ``(B, outputs)``, targets ``(B, ...)`` for B networks.
    """

    name: str
    """As written in configurations and run folders."""

    monitor: str
    """The metric by which the best model is chosen; larger is better."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the model answers with."""

    @abstractmethod
    def targets(self, values: np.ndarray, *, origin: str) -> Tensor:
        """A metadata column ``(N,)`` as targets.

        Raises:
            PopulationError: the values do not fit the task; names `origin`.
        """

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss, a scalar."""

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Metrics that are gathered over an epoch; new ones at each call."""

    @abstractmethod
    def report(self, outputs: Tensor, targets: Tensor) -> Report:
        """The outcome on a set of networks."""

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """Everything its constructor needs, as plain data."""
