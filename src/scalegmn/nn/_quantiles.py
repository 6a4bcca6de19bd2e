"""Quantiles of rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def row_quantiles(values: Float[Tensor, "n m"], levels: Sequence[float]) -> Float[Tensor, "n q"]:
    """The quantiles `levels`, from 0 to 1, of every row; between two values they are interpolated.

    Not torch.quantile, which refuses more than 16 million values.  Law: blind to the order within a row.
    """
    ordered = values.sort(dim=1).values
    place = values.new_tensor(levels) * (values.shape[1] - 1)
    below, above = place.floor().long(), place.ceil().long()
    return torch.lerp(ordered[:, below], ordered[:, above], place - below)
