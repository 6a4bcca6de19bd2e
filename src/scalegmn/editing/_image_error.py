"""How far drawings are from images: mean squared error and PSNR per network, and their means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric

from scalegmn.graph import Records

_LEAST_MSE = 1e-12
"""Below this error the PSNR says nothing more, and the logarithm of zero is avoided (as in makers)."""


def squared_errors(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of every drawing ``(n,)``, over pixels and channels, from two ``(n, ...)``."""
    return (drawn.float() - wanted.float()).square().flatten(1).mean(1)


def decibels(errors: Tensor) -> Tensor:
    """The peak signal to noise ratio of mean squared errors, in dB, for a peak of 1."""
    return -10 * errors.clamp_min(_LEAST_MSE).log10()


@final
@dataclass(frozen=True, eq=False)
class ImageTargets(Records):
    """Two images per network, ``(n, H, W[, C])`` each, from 0 (black) to 1 (white).

    Attributes:
        edited: what the network should draw.
        before: what it draws before it is changed, which only reports need.
    """

    edited: Tensor
    before: Tensor


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
