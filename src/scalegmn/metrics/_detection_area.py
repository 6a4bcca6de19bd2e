"""The area under the ROC curve, gathered while a detector learns."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from scalegmn.metrics._detection import auroc


@final
class DetectionAUROC(Metric):
    """The area under the ROC curve of the first number of predictions, over all networks of an epoch.

    It compares networks with each other, so predictions are gathered.  0.5 where all networks are of one
    kind, and NaN where a prediction is.
    """

    higher_is_better = True
    full_state_update = False
    answers: list[Tensor]
    truth: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("answers", default=[], dist_reduce_fx="cat")
        self.add_state("truth", default=[], dist_reduce_fx="cat")

    def update(self, outputs: Float[Tensor, "B outputs"], trojaned: Int[Tensor, "B"]) -> None:
        """Keep the first column of a batch, and the truth, 0 or 1."""
        self.answers.append(outputs[:, 0].detach().float())
        self.truth.append(trojaned.detach())

    def compute(self) -> Tensor:
        """The area for everything since the last reset."""
        answers, truth = dim_zero_cat(self.answers), dim_zero_cat(self.truth)
        if not answers.isfinite().all():
            return torch.tensor(torch.nan, device=answers.device)
        area = auroc(truth.cpu().numpy(), answers.cpu().double().numpy())
        return torch.tensor(0.5 if area is None else area, device=answers.device)
