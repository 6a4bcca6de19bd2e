"""Which class does a network belong to, evaluated from its weights alone?

The class of the image that a sine network draws, or a setting of the training that made a network, such as
its optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.metrics import bootstrap_interval, wilson_interval
from scalegmn.models.baselines import OutputType
from scalegmn.populations import Population
from scalegmn.training import PredictionTask, Report, Table, TaskContext

if TYPE_CHECKING:
    # For annotations alone: predictions need no metrics of a training, which take a second to import.
    from torchmetrics import MetricCollection

MOST_CLASSES: Final = 1000
"""A column with more is no column of classes, but of seeds, names of files, or other numbers."""


@final
class Classification(PredictionTask[Tensor]):
    """Cross-entropy over classes; the best model is that of the highest validation accuracy.

    Args:
        label: the column that holds the classes: numbers 0, 1, ..., words, or truth values.
        classes: names of the classes, in the order of their numbers; of a column of words, the words.
    """

    name = "classification"
    label: str
    monitor = "accuracy"
    headline = ("accuracy", "loss")
    untrained = ("most_frequent_class",)

    def __init__(self, *, label: str, classes: Sequence[str]) -> None:
        self.label = label
        self.classes = tuple(str(name) for name in classes)
        if len(self.classes) < 2:
            raise ConfigurationError(f"the classes are {list(self.classes)}, expected at least two")
        if len(set(self.classes)) < len(self.classes):
            raise ConfigurationError(f"the classes {list(self.classes)} are not all different")

    @classmethod
    def build(cls, context: TaskContext) -> Classification:
        return cls.from_population(context.population, label=context.label, rows=context.train)

    @property
    def title(self) -> str:
        return f"{super().title} of {self.label}"

    @property
    def output_type(self) -> OutputType:
        return OutputType.log_probability

    @classmethod
    def from_population(cls, population: Population, *, label: str, rows: np.ndarray) -> Classification:
        """The classes that a population has.

        Numbers get the names that the maker of the population stated; words are sorted.

        Args:
            population: the networks.
            label: the column.
            rows: the networks to learn from; the words are those of their column.

        Raises:
            PopulationError: the networks have one class, more than :data:`MOST_CLASSES`, or the column holds
                no classes.
        """
        values, origin = population.column(label)[rows], f"{population.folder}: column {label!r}"
        kinds = _kinds(values, origin)
        if len(kinds) < 2:
            what = f"is {kinds[0]} for all {len(values)}" if kinds else "has none of the"
            raise PopulationError(
                f"{origin} {what} training networks, expected at least two classes; choose another column as "
                "data.label, or other networks with data.where"
            )
        if not np.issubdtype(values.dtype, np.integer):
            return cls(label=label, classes=kinds)
        count = int(population.column(label).max()) + 1
        if count > MOST_CLASSES:
            raise PopulationError(_too_many(origin, f"runs up to {count - 1}"))
        stated = population.provenance.get("class_names")
        named = label == "label" and isinstance(stated, list) and len(stated) >= count
        return cls(label=label, classes=stated if named else [str(n) for n in range(count)])  # type: ignore[arg-type]

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, population: Population, rows: np.ndarray) -> Tensor:
        """The class of every network, ``(n,)``."""
        values, origin = population.column(self.label)[rows], f"{population.folder}: column {self.label!r}"
        if not np.issubdtype(values.dtype, np.integer):
            return self._of_words(values, origin)
        if len(values) and not 0 <= values.min() <= values.max() < self.outputs:
            raise PopulationError(
                f"{origin}: runs from {values.min()} to {values.max()}, expected 0 to "
                f"{self.outputs - 1} for the {self.outputs} classes that the model knows"
            )
        return torch.from_numpy(values.astype(np.int64))

    def _of_words(self, values: np.ndarray, origin: str) -> Tensor:
        numbers = {name: number for number, name in enumerate(self.classes)}
        unknown = sorted(set(_kinds(values, origin)) - set(numbers))
        if unknown:
            raise PopulationError(f"{origin}: has {unknown}, expected one of {list(self.classes)}")
        return torch.tensor([numbers[str(value)] for value in values])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.float(), targets)

    def metrics(self) -> MetricCollection:
        from torchmetrics import MetricCollection
        from torchmetrics.classification import MulticlassAccuracy

        return MetricCollection({"accuracy": MulticlassAccuracy(self.outputs, average="micro")})

    def report(self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None) -> Report:
        """Accuracy with its 95 % interval, per class precision, recall and F1, confusion matrix.

        ``confusion[i, j]`` counts networks of class i taken for class j.  The interval is Wilson's, or where
        groups have several networks that of a bootstrap over groups.

        ``most_frequent_class`` has the figures of one answer for all networks, the one that fits them best.

        Raises:
            PopulationError: there are no networks to evaluate, or a prediction is not finite.
        """
        if len(targets) == 0:
            raise PopulationError("there are no networks to evaluate; choose a split that has some")
        outputs, targets = outputs.detach().cpu().float(), targets.cpu()
        wrong = (~outputs.isfinite().all(dim=1)).nonzero()[:, 0].tolist()
        if wrong:
            raise PopulationError(
                f"the model's prediction for network {wrong[0]} is not finite (nor those about "
                f"{len(wrong) - 1} more of the {len(outputs)} that it was asked about); look for huge "
                "parameters in these networks, or for a training that diverged"
            )
        confusion, per_class = _figures_of_classes(outputs, targets)
        hits, total = int(confusion.trace()), int(confusion.sum())
        low, high = _interval((outputs.argmax(1) == targets).numpy(), groups)
        loss = float(self.loss(outputs, targets))
        rows: tuple[tuple[str | int | float, ...], ...] = tuple(
            (name, int(confusion[i].sum()), *(values[i] for values in per_class))
            for i, name in enumerate(self.classes)
        )
        columns = ("class", "networks", "precision", "recall", "f1")
        summary: dict[str, Any] = {
            "networks": total,
            "accuracy": hits / total,
            "accuracy_interval_95": [low, high],
            "loss": loss,
            "most_frequent_class": _without_a_model(confusion.sum(axis=1)),
            "per_class": [dict(zip(columns, row, strict=True)) for row in rows],
            "confusion": confusion.tolist(),
        }
        overview = Table(
            "Accuracy",
            ("networks", "correct", "accuracy", "95 % from", "to", "loss"),
            ((total, hits, hits / total, low, high, loss),),
        )
        return Report(summary, (overview, Table("Classes", columns, rows)), {"confusion": confusion})

    def answers(self, outputs: Tensor) -> Tensor:
        """The likeliest class of each network."""
        return outputs.argmax(dim=1)

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """The likeliest class, and the probabilities of all."""
        described = []
        for shares in outputs.float().softmax(dim=1):
            label = int(shares.argmax())
            described.append(
                {
                    "class": self.classes[label],
                    "probability": float(shares[label]),
                    "label": label,
                    "probabilities": dict(zip(self.classes, shares.tolist(), strict=True)),
                }
            )
        return described

    def arguments(self) -> Mapping[str, Any]:
        return {"label": self.label, "classes": self.classes}


def _figures_of_classes(outputs: Tensor, targets: Tensor) -> tuple[np.ndarray, list[list[float]]]:
    """The confusion matrix; precision, recall and F1 of every class.

    Plain numbers, so that tables do not depend on how they are computed.
    """
    from torchmetrics.classification import (
        MulticlassConfusionMatrix,
        MulticlassF1Score,
        MulticlassPrecision,
        MulticlassRecall,
    )

    classes = outputs.shape[1]
    figures: list[list[float]] = [
        kind(classes, average="none", zero_division=0)(outputs, targets).tolist()
        for kind in (MulticlassPrecision, MulticlassRecall, MulticlassF1Score)
    ]
    return MulticlassConfusionMatrix(classes)(outputs, targets).numpy(), figures


def _interval(right: np.ndarray, groups: np.ndarray | None) -> tuple[float, float]:
    """95 % interval of the fraction of correct predictions ``(n,)``."""
    found = None
    if groups is not None and len(np.unique(groups)) < len(groups):
        found = bootstrap_interval(lambda rows: float(right[rows].mean()), count=len(right), groups=groups)
    return found or wilson_interval(hits=int(right.sum()), total=len(right))


def _without_a_model(counts: np.ndarray) -> dict[str, float]:
    """Accuracy and loss of the best answer that is the same for all networks; ``counts`` are those of
    classes."""
    shares = counts / counts.sum()
    present = shares[shares > 0]
    return {"accuracy": float(shares.max()), "loss": float(-(present * np.log(present)).sum())}


def _kinds(values: np.ndarray, origin: str) -> list[str]:
    """The different values of a column of classes, as words, ascending.

    Raises:
        PopulationError: it holds other things, or too many; or a network has no value.
    """
    if values.dtype.kind not in "OUSbiu":
        raise PopulationError(
            f"{origin}: has type {values.dtype}, expected integers or words; choose another column as "
            "data.label, or the task regression"
        )
    if values.dtype.kind == "O":
        missing = [place for place, value in enumerate(values) if not isinstance(value, str | bool)]
        if missing:
            raise PopulationError(
                f"{origin}: has {values[missing[0]]!r} for {len(missing)} of the networks, expected a word "
                "for each; leave them out with data.where"
            )
    kinds = sorted({str(value) for value in values})
    if len(kinds) > MOST_CLASSES:
        raise PopulationError(_too_many(origin, f"has {len(kinds)} different values"))
    return kinds


def _too_many(origin: str, what: str) -> str:
    return (
        f"{origin} {what}, expected at most {MOST_CLASSES} classes; choose another column as data.label, or "
        "the task regression"
    )
