"""Means of what repaired networks do, gathered over an epoch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric

from scalegmn.trojans.repair._scenes import RepairOutputs


@final
class MeanFigure(Metric):
    """The mean over networks of one figure of :class:`~scalegmn.trojans.repair._scenes.RepairOutputs`.

    Args:
        name: of the figure.
        trojaned: over the trojaned networks only; NaN where there are none.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, name: str, *, trojaned: bool) -> None:
        super().__init__()
        self.name, self.trojaned = name, trojaned
        self.add_state("total", default=torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, outputs: RepairOutputs, trojaned: Tensor) -> None:
        """Add networks: what they do, and which of them are trojaned, ``(n,)``."""
        values: Tensor = getattr(outputs, self.name)
        values = values[trojaned] if self.trojaned else values
        self.total += values.double().sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        """The mean so far."""
        return self.total / self.count


@final
class Balance(Metric):
    """The mean of the accuracy on clean images, over all networks, and of 1 - ASR over the trojaned ones.

    Without trojaned networks it is the accuracy alone.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = MeanFigure("c_acc", trojaned=False)
        self.success = MeanFigure("asr", trojaned=True)

    def update(self, outputs: RepairOutputs, trojaned: Tensor) -> None:
        """Add networks: what they do, and which of them are trojaned, ``(n,)``."""
        self.accuracy.update(outputs, trojaned)
        self.success.update(outputs, trojaned)

    def compute(self) -> Tensor:
        """The figure so far."""
        accuracy = self.accuracy.compute()
        return (accuracy + 1 - self.success.compute()) / 2 if self.success.count > 0 else accuracy

    def reset(self) -> None:
        """Forget all networks."""
        super().reset()
        self.accuracy.reset()
        self.success.reset()
