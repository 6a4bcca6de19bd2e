"""What every task states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torchmetrics import MetricCollection

from scalegmn.configuration import Rebuilt
from scalegmn.graph.network_batch import NetworkBatch
from scalegmn.models.metanetwork import Judge, Metanetwork
from scalegmn.populations.store import Population


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


class Task(Rebuilt, ABC):
    """Targets, loss, metrics and report of one task.

    Shapes: outputs ``(B, ...)``, targets ``(B, ...)`` for B networks.
    """

    name: str
    """As written in configurations and run folders."""

    monitor: str
    """The metric by which the best model is chosen."""

    larger_is_better: bool = True
    """Whether the best model has the largest value of `monitor`, or the smallest."""

    headline: tuple[str, ...] = ()
    """Names in the summary of a report that a comparison of models shows; none for `monitor` alone.

    Models are put in order by the first, which is good where `monitor` is.
    """

    untrained: tuple[str, ...] = ()
    """Entries of a summary that hold the same figures for what needs no model, such as leaving networks as
    they are; a comparison shows each in a row of its own."""

    breakdowns: tuple[str, ...] = ()
    """Columns: where a population has them, the final test of a training is also given for each of their
    values."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the model answers with about one network."""

    @abstractmethod
    def targets(self, population: Population, rows: np.ndarray) -> Tensor:
        """What is to be learnt about some networks of a population, ``(n, ...)``.

        Raises:
            PopulationError: the population does not say, or says what does not fit the task.
        """

    def to_fit(self, targets: Tensor) -> Tensor:
        """What models learn that are fitted at once and answer one question, from targets ``(n, ...)``."""
        return targets

    def answer(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """What a model makes of networks, to be compared with targets, ``(B, ...)``."""
        assert isinstance(model, Judge), f"{self.name} needs a model that answers, not {type(model).__name__}"
        return model.answer(batch)

    def final_answer(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """As :meth:`answer`, for reports: with what the best model was not chosen by, where that matters."""
        return self.answer(model, batch)

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss, a scalar."""

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Metrics that are gathered over an epoch; new ones at each call."""

    @abstractmethod
    def report(self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None) -> Report:
        """The outcome on a set of networks.

        Args:
            outputs: answers, ``(n, ...)``.
            targets: ``(n, ...)``.
            groups: ``(n,)``, which networks belong together, such as checkpoints of one training; intervals
                then come from resampling whole groups.
        """

    @abstractmethod
    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """What the answers mean: plain data for every network, the most important entry first."""
