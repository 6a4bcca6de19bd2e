"""INR classification: which class of image does a network draw, judged from its weights alone?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.tasks.statistics import wilson_interval
from scalegmn.tasks.task import Report, Table, Task


@final
class InrClassification(Task):
    """Cross-entropy over classes; the best model is that of the highest validation accuracy.

    Args:
        classes: names of the classes, in the order of their labels.
    """

    name = "inr_classification"
    monitor = "accuracy"

    def __init__(self, *, classes: Sequence[str]) -> None:
        self.classes = tuple(str(name) for name in classes)
        if len(self.classes) < 2:
            raise ConfigurationError(f"the classes are {list(self.classes)}, expected at least two")
        if len(set(self.classes)) < len(self.classes):
            raise ConfigurationError(f"the classes {list(self.classes)} are not all different")

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, values: np.ndarray, *, origin: str) -> Tensor:
        if not np.issubdtype(values.dtype, np.integer):
            raise PopulationError(f"{origin}: labels have type {values.dtype}, expected integers")
        if len(values) and not 0 <= values.min() <= values.max() < self.outputs:
            raise PopulationError(
                f"{origin}: labels run from {values.min()} to {values.max()}, expected 0 to "
                f"{self.outputs - 1} for the {self.outputs} classes that the model knows"
            )
        return torch.from_numpy(values.astype(np.int64))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.float(), targets)

    def metrics(self) -> MetricCollection:
        return MetricCollection({"accuracy": MulticlassAccuracy(self.outputs, average="micro")})

    def report(self, outputs: Tensor, targets: Tensor) -> Report:
        """Accuracy with its 95 % Wilson interval, per class precision, recall and F1, confusion matrix.

        ``confusion[i, j]`` counts networks of class i taken for class j.

        Raises:
            PopulationError: there are no networks to judge.
        """
        if len(targets) == 0:
            raise PopulationError("there are no networks to evaluate; choose a split that has some")
        outputs, targets = outputs.detach().cpu().float(), targets.cpu()
        # Each metric is stored as plain numbers, so the tables do not depend on how it is computed.
        confusion = MulticlassConfusionMatrix(self.outputs)(outputs, targets).numpy()
        per_class = [
            kind(self.outputs, average="none", zero_division=0)(outputs, targets).tolist()
            for kind in (MulticlassPrecision, MulticlassRecall, MulticlassF1Score)
        ]
        hits, total = int(confusion.trace()), int(confusion.sum())
        low, high = wilson_interval(hits=hits, total=total)
        loss = float(self.loss(outputs, targets))
        rows = tuple(
            (name, int(confusion[i].sum()), *(values[i] for values in per_class))
            for i, name in enumerate(self.classes)
        )
        columns = ("class", "networks", "precision", "recall", "f1")
        summary: dict[str, Any] = {
            "networks": total,
            "accuracy": hits / total,
            "accuracy_interval_95": [low, high],
            "loss": loss,
            "per_class": [dict(zip(columns, row, strict=True)) for row in rows],
            "confusion": confusion.tolist(),
        }
        overview = Table(
            "Accuracy",
            ("networks", "correct", "accuracy", "95 % from", "to", "loss"),
            ((total, hits, hits / total, low, high, loss),),
        )
        return Report(summary, (overview, Table("Classes", columns, rows)), {"confusion": confusion})

    def to_config(self) -> dict[str, Any]:
        return {"classes": list(self.classes)}
