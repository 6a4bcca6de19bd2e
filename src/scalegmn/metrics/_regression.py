"""Metrics that are gathered while a regression learns, over batches and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from scalegmn.metrics._rank_correlation import kendall_tau


@final
class KendallTau(Metric):
    """Kendall's tau-b of predictions and targets, over all networks of an epoch.

    It compares every network with every other one, so the values themselves are gathered.  0 where tau is
    undefined, as for predictions that are all the same, and NaN where a prediction is.
    """

    higher_is_better = True
    full_state_update = False
    answers: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("answers", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, outputs: Float[Tensor, "B 1"], targets: Float[Tensor, "B"]) -> None:
        """Keep outputs and targets of a batch."""
        self.answers.append(outputs[:, 0].detach().float())
        self.targets.append(targets.detach().float())

    def compute(self) -> Tensor:
        """Tau of everything since the last reset."""
        answers, targets = dim_zero_cat(self.answers), dim_zero_cat(self.targets)
        if not (answers.isfinite().all() and targets.isfinite().all()):
            return torch.tensor(torch.nan, device=answers.device)
        tau = kendall_tau(targets.cpu().double().numpy(), answers.cpu().double().numpy())
        return torch.tensor(0.0 if tau is None else tau, device=answers.device)


@final
class MeanAbsolute(Metric):
    """The mean absolute error of predictions in the unit of the report.

    Args:
        read: from outputs ``(B,)`` of a model to values ``(B,)`` in the unit of targets.
        unit: how many units of the report one unit of targets is.
    """

    higher_is_better = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, *, read: Callable[[Tensor], Tensor], unit: float) -> None:
        super().__init__()
        self.read, self.unit = read, unit
        self.add_state("total", default=torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, outputs: Float[Tensor, "B 1"], targets: Float[Tensor, "B"]) -> None:
        """Add a batch."""
        error = self.read(outputs[:, 0].detach().float()) - targets.float()
        self.total += error.abs().sum() * self.unit
        self.count += targets.numel()

    def compute(self) -> Tensor:
        """The mean over everything since the last reset."""
        return self.total / self.count
