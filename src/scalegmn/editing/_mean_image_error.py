"""The mean error of drawings, gathered over an epoch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric

from scalegmn.editing._image_error import decibels, squared_errors


@final
class MeanImageError(Metric):
    """The mean over networks of the mean squared error, or of the PSNR, of their drawings.

    Args:
        psnr: the PSNR in dB of every drawing, instead of its mean squared error.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, *, psnr: bool) -> None:
        super().__init__()
        self.psnr = psnr
        self.add_state("total", default=torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, drawn: Tensor, wanted: Tensor) -> None:
        """Add networks: drawings and what they should be, ``(n, H, W[, C])`` both."""
        errors = squared_errors(drawn, wanted)
        values = decibels(errors) if self.psnr else errors
        self.total += values.double().sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        """The mean so far."""
        return self.total / self.count
