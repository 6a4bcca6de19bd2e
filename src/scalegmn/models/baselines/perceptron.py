"""The perceptron at the end of every baseline, and the constants that bring what it reads to size 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn


def perceptron(
    *, inputs: int, hidden: Sequence[int], outputs: int, dropout: float, layer_norm: bool
) -> nn.Sequential:
    """Linear maps with SiLU between them, ``(..., inputs)`` to ``(..., outputs)``.

    Args:
        inputs: numbers that it reads.
        hidden: widths of its hidden layers.
        outputs: numbers that it gives.
        dropout: rate behind every hidden layer.
        layer_norm: normalise every hidden layer, before SiLU.
    """
    layers: list[nn.Module] = []
    for width, after in pairwise((inputs, *hidden)):
        layers += [nn.Linear(width, after)]
        layers += [nn.LayerNorm(after)] if layer_norm else []
        layers += [nn.SiLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear([inputs, *hidden][-1], outputs))


def perceptron_mistakes(*, hidden: Sequence[int], dropout: float) -> list[str]:
    """What is wrong with the options of a perceptron."""
    mistakes = []
    if not hidden or min(hidden) < 1:
        mistakes.append(f"hidden is {hidden!r}, expected one or more widths of at least 1")
    if not 0 <= dropout < 1:
        mistakes.append(f"dropout is {dropout!r}, expected a rate in [0, 1)")
    return mistakes


def size_mistakes(sizes: dict[str, int], *, least: int = 1) -> list[str]:
    """Those of the named sizes that are too small."""
    return [f"{name} is {size!r}, expected at least {least}" for name, size in sizes.items() if size < least]


@final
class Standardise(nn.Module):
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
        """Take mean and standard deviation of every column over all rows of ``x (..., width)``."""
        rows = x.flatten(0, -2).double()
        mean = rows.mean(0)
        # Not torch.std, which warns where there are no columns.
        deviation = (rows - mean).square().mean(0).sqrt()
        self.mean.copy_(mean)
        # A column that never changes, such as a bias that was not trained, has no size to bring to 1.
        # Rounding leaves it a deviation of about 1e-16 of its value.
        varies = deviation > 1e-12 * rows.abs().amax(0).clamp_min(1.0)
        self.deviation.copy_(torch.where(varies, deviation, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """The standardised ``x``, of the same shape."""
        return (x - self.mean) / self.deviation
