"""What every task states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
from torch import Tensor
from torchmetrics import MetricCollection

from scalegmn.configuration import Rebuilt
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, Records
from scalegmn.models import Editor, Judge, Metanetwork
from scalegmn.populations import Population


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


O = TypeVar("O", bound=Tensor | Records)  # noqa: E741 - outputs
T = TypeVar("T", bound=Tensor | Records)


class Task(Rebuilt, ABC, Generic[O, T]):
    """Targets, loss, metrics and report of one task.

    Outputs and targets of B networks are tensors ``(B, ...)``, or where they are several things
    :class:`~scalegmn.graph.Records` of B; the parameters of this class say which.
    """

    name: ClassVar[str]
    """As written in configurations and run folders."""

    writes_networks: ClassVar[bool] = False
    """Whether it is for models that write networks, and not for those that answer questions."""

    label: str | None = None
    """The column with what is true of networks, to be shown beside what a model says; none for editing."""

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
    def targets(self, population: Population, rows: np.ndarray) -> T:
        """What is to be learnt about some networks of a population, of all n.

        Raises:
            PopulationError: the population does not say, or says what does not fit the task.
        """

    def to_fit(self, targets: T) -> Tensor:
        """Targets ``(n,)`` of models that are fitted at once and have a single output."""
        assert isinstance(targets, Tensor), (
            f"{self.name} says what is fitted where targets are several things"
        )
        return targets

    @abstractmethod
    def answer(self, model: Metanetwork, batch: NetworkBatch) -> O:
        """What a model makes of networks, to be compared with targets."""

    def final_answer(self, model: Metanetwork, batch: NetworkBatch) -> O:
        """As :meth:`answer`, for reports: with what the best model was not chosen by, where that matters."""
        return self.answer(model, batch)

    @abstractmethod
    def loss(self, outputs: O, targets: T) -> Tensor:
        """The mean loss, a scalar."""

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Metrics that are gathered over an epoch; new ones at each call."""

    def measure(self, metrics: MetricCollection, outputs: O, targets: T) -> None:
        """Update metrics with a batch: by default with outputs and targets as they are."""
        metrics.update(outputs, targets)

    @abstractmethod
    def report(self, outputs: O, targets: T, *, groups: np.ndarray | None = None) -> Report:
        """The outcome on a set of networks.

        Args:
            outputs: of all n networks.
            targets: of all n networks.
            groups: ``(n,)``, which networks belong together, such as checkpoints of one training; intervals
                then come from resampling whole groups.
        """

    @abstractmethod
    def describe(self, outputs: O) -> list[dict[str, Any]]:
        """What the answers mean: plain data for every network, the most important entry first."""


class PredictionTask(Task[Tensor, T], ABC):
    """A task of predictors: outputs are the numbers that a model answers with, ``(B, outputs)``."""

    def answer(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        assert isinstance(model, Judge), f"{self.name} needs a model that answers, not {type(model).__name__}"
        return model.answer(batch)


class EditingTask(Task[O, T], ABC):
    """A task of editors: outputs are what is found out about the networks that a model writes."""

    writes_networks = True

    @property
    def outputs(self) -> int:
        """0: an editor answers with networks."""
        return 0

    def edited(self, model: Metanetwork, batch: NetworkBatch) -> NetworkBatch:
        """The networks that a model makes of those of a batch.

        Raises:
            ConfigurationError: it answers questions and writes no networks.
        """
        if not isinstance(model, Editor):
            raise ConfigurationError(
                f"{self.name} needs a model that writes networks; {type(model).__name__} answers questions"
            )
        return model.edit(batch)


AnyTask: TypeAlias = Task[Any, Any]
"""A task in code that passes on outputs and targets, and does not look into them."""
