"""Constants of a population that a few networks gone wild do not move.

A training run that diverged can leave weights that are finite and a million times too large.  One such
network among a thousand would decide every mean and every deviation.  So what lies far outside is left out
before they are taken; a population without such networks keeps the plain mean and deviation, to the last bit.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

FARTHEST: Final = 30.0
"""Distances from the median that count, in units of the median distance; normal numbers reach 8."""

LARGEST: Final = 10.0
"""Sizes that count, in units of the median size."""


# Rows that a median is taken of at most.
_SAMPLE: Final = 20_000


def median_of(values: Float[Tensor, "n c"], counted: Bool[Tensor, "n c"]) -> Float[Tensor, "c"]:
    """The median of the counted values of every column; NaN where none counts."""
    return values.masked_fill(~counted, torch.nan).nanmedian(0).values


def within_reach(rows: Float[Tensor, "n c"]) -> Bool[Tensor, "n c"]:
    """Which values lie no farther from the median of their column than :data:`FARTHEST` typical distances.

    The typical distance is the median of those that are not 0, so that columns that are 0 for most networks
    have one too.  Values that are not finite never count.
    """
    if not rows.numel():
        return torch.ones_like(rows, dtype=torch.bool)
    some = _sample(rows)
    middle = median_of(some, some.isfinite())
    distance = (some - middle).abs()
    typical = median_of(distance, distance.isfinite() & (distance > 0))
    # Columns whose values are all the same have no typical distance, and nothing is far.
    return rows.isfinite() & ~((rows - middle).abs() > FARTHEST * typical)


def _sample(rows: Tensor) -> Tensor:
    """Some of many rows, always the same ones."""
    if len(rows) <= _SAMPLE:
        return rows
    chosen = torch.randint(len(rows), (_SAMPLE,), generator=torch.Generator().manual_seed(0))
    return rows[chosen.to(rows.device)]


def of_ordinary_size(sizes: Float[Tensor, "n c"], counted: Bool[Tensor, "n c"]) -> Bool[Tensor, "n c"]:
    """Which sizes, 0 or more, are at most :data:`LARGEST` times the median of those of their column above 0.

    Args:
        sizes: of n networks in c respects.
        counted: where there is a size at all.
    """
    finite = counted & sizes.isfinite()
    return finite & ~(sizes > LARGEST * median_of(sizes, finite & (sizes > 0)))


def robust_moments(rows: Float[Tensor, "n c"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Mean and standard deviation of every column, in float64, over the values within reach.

    Law: for columns without values out of reach, the plain mean and deviation.
    """
    rows = rows.double()
    near = within_reach(rows)
    if bool(near.all()):
        mean = rows.mean(0)
        # Not torch.std, which warns where there are no columns.
        return mean, (rows - mean).square().mean(0).sqrt()
    count = near.sum(0).clamp_min(1)
    mean = torch.where(near, rows, 0).sum(0) / count
    return mean, (torch.where(near, rows - mean, 0).square().sum(0) / count).sqrt()
