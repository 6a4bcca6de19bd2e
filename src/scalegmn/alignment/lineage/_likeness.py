"""How alike fingerprints are, and families of those that are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

RELATED: Final = 0.25
"""Networks whose fingerprints are at least so alike are related; see docs/alignment.md."""
_ROWS: Final = 256
"""Networks that are compared with all others at once."""


def likeness_of(vectors: Tensor) -> np.ndarray:
    """How alike networks are: the mean cosine over the half of the places where they are least alike.

    Relatives are alike everywhere; strangers may be at a place with few channels.  Places where nothing
    depends on one of the two do not count.

    Args:
        vectors: of their fingerprints, ``(networks, places, features)``.

    Returns:
        ``(networks, networks)`` float32 from -1 to 1, with ones on the diagonal.
    """
    count = len(vectors)
    there = vectors.any(dim=2).T
    found = torch.zeros(count, count)
    for start in range(0, count, _ROWS):
        rows = vectors[start : start + _ROWS]
        cosines = torch.stack([ours @ theirs.T for ours, theirs in _by_place(rows, vectors)])
        both = there[:, start : start + _ROWS, None] & there[:, None]
        ordered = torch.where(both, cosines, torch.inf).sort(dim=0).values
        half = (both.sum(dim=0) + 1) // 2
        chosen = torch.arange(len(ordered))[:, None, None] < half
        found[start : start + _ROWS] = torch.where(chosen, ordered, 0.0).sum(dim=0) / half.clamp_min(1)
    found = (found.clamp(-1, 1) + found.T.clamp(-1, 1)) / 2
    return np.asarray(found.fill_diagonal_(1.0).numpy())


def _by_place(first: Tensor, second: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(first.unbind(1), second.unbind(1), strict=True)


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
