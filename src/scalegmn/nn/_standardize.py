"""Standardization to mean 0 and deviation 1, by constants estimated from a population."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.nn._fitted import mark_fitted, warn_if_unfitted
from scalegmn.nn._robust import robust_moments


@final
class Standardize(nn.Module):
    """``(x - mean) / deviation`` with one constant pair per column of ``x (..., width)``.

    Until :meth:`fit` is called it changes nothing.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Take mean and standard deviation of every column over the rows of ``x (..., width)``.

        Values far outside are left out (:func:`scalegmn.nn._robust.robust_moments`).
        """
        mark_fitted(self)
        rows = x.flatten(0, -2).double()
        mean, deviation = robust_moments(rows)
        self.mean.copy_(mean)
        # A column that never changes, such as a bias that was not trained, has no size to bring to 1.
        # Rounding leaves it a deviation of about 1e-16 of its value.
        varies = deviation > 1e-12 * mean.abs().clamp_min(1.0)
        self.deviation.copy_(torch.where(varies, deviation, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """The standardized ``x``, of the same shape; warns in a training run without :meth:`fit`."""
        warn_if_unfitted(self, self.deviation)
        return (x - self.mean) / self.deviation
