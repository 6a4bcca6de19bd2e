"""How alike fingerprints are, and families of those that are."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

RELATED: Final = 0.3
"""Networks whose fingerprints are at least so alike are related; see docs/alignment.md."""


def likeness_of(vectors: Tensor) -> np.ndarray:
    """How alike networks are: the mean cosine over places where something depends on both.

    Args:
        vectors: of their fingerprints, ``(networks, places, features)``.

    Returns:
        ``(networks, networks)`` float32 from -1 to 1, with ones on the diagonal.
    """
    count = len(vectors)
    total, places = torch.zeros(count, count), torch.zeros(count, count)
    for place in vectors.unbind(1):
        total += place @ place.T
        there = place.any(dim=1).float()
        places += torch.outer(there, there)
    found = (total / places.clamp_min(1)).clamp(-1, 1)
    found = (found + found.T) / 2
    return np.asarray(found.fill_diagonal_(1.0).numpy())


def families_of(likeness: np.ndarray, *, related: float = RELATED) -> list[list[int]]:
    """Groups of networks that are related: joined as long as their mean likeness is high enough.

    Args:
        likeness: of all pairs, ``(n, n)``.
        related: the mean likeness of two groups of one family, at least.

    Returns:
        Members of each family in ascending order, families by their first members.
    """
    if len(likeness) < 2:
        return [[one] for one in range(len(likeness))]
    distances = squareform(1.0 - likeness.astype(np.float64), checks=False)
    # Rounding may leave what is equal a little below 0.
    numbers = fcluster(linkage(np.maximum(distances, 0.0), "average"), 1.0 - related, criterion="distance")
    groups: dict[int, list[int]] = {}
    for member, number in enumerate(numbers.tolist()):
        groups.setdefault(number, []).append(member)
    return list(groups.values())
