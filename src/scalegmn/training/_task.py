"""What every task states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import numpy as np
from torch import Tensor

from scalegmn.configuration import Configuration, Reconstructible, Sections
from scalegmn.graph import NetworkBatch, Records
from scalegmn.models import Metanetwork
from scalegmn.models.baselines import OutputType
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.registry import Lazy, Registry
from scalegmn.training._data import NetworkDataset
from scalegmn.training._finished import FinishedTraining

if TYPE_CHECKING:
    # For annotations alone: they take seconds to import, and predictions need neither.
    from lightning.pytorch.callbacks import Callback
    from torchmetrics import MetricCollection


@dataclass(frozen=True)
class Table:
    """Rows to print: a title, names of columns, and one tuple of numbers or words per row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, eq=False)
class Report:
    """Results of a model on some networks.

    Attributes:
        summary: numbers by name, fit for JSON.
        tables: the same and more, to print.
        arrays: what is too large to print, such as a confusion matrix, by name.
    """

    summary: dict[str, Any]
    tables: tuple[Table, ...]
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class ReportPicture:
    """A picture of arrays of a report.

    Attributes:
        arrays: names of the arrays that it shows.
        draw: makes the figure (of matplotlib) from these, in this order, and from the keyword `title`.
    """

    arrays: tuple[str, ...]
    draw: Callable[..., Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskContext:
    """What a task is made from.

    Attributes:
        population: the networks to learn from.
        train, val: rows of the networks for training and validation.
        architectures: of all networks, those of the test included.
        label: the column that ``data.label`` names.
        options: of all that take part in the training; a task takes its own out by their class.
    """

    population: Population
    train: np.ndarray
    val: np.ndarray
    architectures: Sequence[Architecture]
    label: str
    options: Sections


O = TypeVar("O", bound=Tensor | Records)  # noqa: E741 - outputs
T = TypeVar("T", bound=Tensor | Records)
K = TypeVar("K", bound="Task[Any, Any]")


class Task(Reconstructible, ABC, Generic[O, T]):
    """Targets, loss, metrics and report of one task.

    Outputs and targets of B networks are tensors ``(B, ...)``, or where they are several things
    :class:`~scalegmn.graph.Records` of B; the parameters of this class say which.
    """

    name: ClassVar[str]
    """Name in configurations and run folders."""

    sections: ClassVar[Mapping[str, type[Configuration]]] = MappingProxyType({})
    """Classes of its options, by the sections of configurations that hold them."""

    same_for_all: ClassVar[tuple[str, ...]] = ()
    """Options in which models that are compared must agree, since they say what is predicted:
    ``section.key``, or ``section.`` for all of a section."""

    pictures: ClassVar[Mapping[str, ReportPicture]] = MappingProxyType({})
    """What is drawn of the arrays of a report, by the name of the file."""

    writes_networks: ClassVar[bool] = False
    """Whether it is for models that write networks, and not for those that make predictions."""

    only_known: ClassVar[bool] = False
    """Whether nothing is said about networks of other architectures than those of the training."""

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

    fractions: tuple[str, ...] = ()
    """Names in the summary of a report that one picture may show together, since they go from 0 to 1; none
    for the first figure of a comparison alone."""

    breakdowns: tuple[str, ...] = ()
    """Columns: where a population has them, the final test of a training is also given for each of their
    values."""

    @classmethod
    @abstractmethod
    def build(cls: type[K], context: TaskContext) -> K:
        """The task of a training.

        Raises:
            PopulationError: the population does not have what is to be learned.
            ConfigurationError: what it has cannot be learned.
        """

    @classmethod
    def register(cls) -> None:
        """Let configurations and run folders name this class.

        Raises:
            ConfigurationError: another task has the name.
        """
        TASKS.register(cls.name, cls)

    @property
    def title(self) -> str:
        """What is learned, for the caption of a table."""
        words = self.name.replace("_", " ")
        return f"{words[0].upper()}{words[1:]}"

    def callbacks(self) -> list[Callback]:
        """What Lightning calls while a model is trained by gradients, such as to log pictures."""
        return []

    @property
    def output_type(self) -> OutputType | None:
        """What the output of models means that are fitted at once, so that the task reads it as that of any
        model; None where none of them can do the task."""
        return None

    @property
    def fitted_outputs(self) -> int:
        """How many numbers these return about one network."""
        return self.outputs

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of outputs per network."""

    def check_model(self, model: Metanetwork) -> None:
        """Refuse a model that it cannot use.

        Raises:
            ConfigurationError: says why.
        """

    @abstractmethod
    def targets(self, population: Population, rows: np.ndarray) -> T:
        """What is to be learned about some networks of a population, of all n.

        Raises:
            PopulationError: the population does not say, or says what does not fit the task.
        """

    def fit_targets(self, targets: T) -> Tensor:
        """Targets ``(n,)`` of models that are fitted at once and have a single output."""
        assert isinstance(targets, Tensor), (
            f"{self.name} says what is fitted where targets are several things"
        )
        return targets

    @abstractmethod
    def predict(self, model: Metanetwork, batch: NetworkBatch) -> O:
        """What a model makes of networks, to be compared with targets."""

    def predict_to_learn(self, model: Metanetwork, batch: NetworkBatch) -> Sequence[O]:
        """What a model is trained by: the mean loss of these; by default what :meth:`predict` returns."""
        return (self.predict(model, batch),)

    def predict_for_report(self, model: Metanetwork, batch: NetworkBatch) -> O:
        """Predict for reports, with what the best model was not chosen by, where that matters."""
        return self.predict(model, batch)

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

    def in_every_bin(self, targets: T) -> np.ndarray | None:
        """Which of n networks belong to every bin of a curve over a column, ``(n,)``: those that the others
        are told from, such as clean ones.  None where each bin stands for itself."""
        return None

    def answered(
        self, networks: NetworkDataset, *, folder: Path, known: Sequence[Architecture]
    ) -> Mapping[str, np.ndarray]:
        """About which of n networks a finished training says something, ``(n,)``, by the name of the rule.

        Nothing for tasks that never abstain.

        Args:
            networks: to be evaluated.
            folder: the run folder.
            known: architectures of the networks of the training.

        Raises:
            ConfigurationError: what the rules need is damaged there.
        """
        return {}

    def finish(self, training: FinishedTraining, report: Report | None) -> dict[str, Any]:
        """Measure and write what the task needs later, when a training has ended and its model was saved.

        Args:
            training: the model, its networks and its folder.
            report: on the test networks; None where there are none.

        Returns:
            Further entries of ``results.json``.
        """
        return {}

    def answers(self, outputs: O) -> Tensor | None:
        """What each prediction says in a whole number, ``(n,)``, such as a class; None where it does not."""
        return None

    @abstractmethod
    def describe(self, outputs: O) -> list[dict[str, Any]]:
        """Interpret predictions: plain data for every network, the most important entry first."""


AnyTask: TypeAlias = Task[Any, Any]
"""A task in code that passes on outputs and targets, and does not look into them."""

TASKS: Final = Registry[type[AnyTask]](
    "task",
    entries={
        "classification": Lazy("scalegmn.tasks:Classification"),
        "regression": Lazy("scalegmn.tasks:Regression"),
        "inr_editing": Lazy("scalegmn.editing:InrEditing"),
        "trojan_detection": Lazy("scalegmn.trojans.detection:TrojanDetection"),
        "trojan_repair": Lazy("scalegmn.trojans.repair:TrojanRepair"),
    },
)
"""What metanetworks are trained to do, by the names that configurations have for it."""
