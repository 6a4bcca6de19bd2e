"""Labels with numbers in place of their unknowns."""

from __future__ import annotations

import torch
from torch import Tensor

from ._labels import Labels, core


def evaluated(labels: Labels, numbers: Tensor) -> Tensor:
    """The sum of unknowns for every entry, with numbers in their place.

    Args:
        labels: terms with compressed ids.
        numbers: of every id.

    Returns:
        As few numbers as there are different ones, broadcast to the shape.
    """
    total = torch.zeros((), dtype=numbers.dtype)
    for term in labels.terms:
        total = total + float(term.coefficient) * numbers[core(term.ids)]
    return total.expand(labels.shape)
