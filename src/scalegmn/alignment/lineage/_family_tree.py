"""Who descends from whom within one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ._arborescence import cheapest_tree
from ._kinship import Kinship
from ._lineage import Evidence

Pairs = Mapping[tuple[int, int], Kinship]
"""Comparisons of networks, by their numbers, the smaller first."""

_MIDDLE: Final = 0.1
"""Weight of how far all others are from a root: it decides where nothing else does."""
_FAR: Final = 1.5
"""Networks that were not aligned cost so many times what others of that likeness do."""


def family_parents(
    members: Sequence[int], likeness: np.ndarray, pairs: Pairs
) -> dict[int, tuple[int, Evidence] | None]:
    """The most probable parent of each member, and what tells the direction.

    Args:
        members: numbers of the networks.
        likeness: of the members' fingerprints, ``(k, k)``.
        pairs: what alignment said of pairs of networks.

    Returns:
        Parents by number; None for the root.
    """
    costs = _costs(members, likeness, pairs)
    size = max(1, len(members) - 1)
    middle = (costs.sum(axis=1) - costs.diagonal()) / size
    found = cheapest_tree(costs, roots=_MIDDLE * middle)
    return {
        child: None if parent is None else (members[parent], _evidence(members[parent], child, pairs))
        for child, parent in zip(members, found, strict=True)
    }


def _costs(members: Sequence[int], likeness: np.ndarray, pairs: Pairs) -> np.ndarray:
    apart = np.sqrt(np.maximum(1.0 - likeness.astype(np.float64), 0.0))
    places = {member: place for place, member in enumerate(members)}
    known = [
        (places[first], places[second], found)
        for (first, second), found in pairs.items()
        if first in places and second in places
    ]
    ratios = [min(one.forth, one.back) / apart[i, j] for i, j, one in known if apart[i, j] > 0]
    costs = apart * (_FAR * float(np.median(ratios)) if ratios else 1.0)
    for i, j, one in known:
        costs[i, j], costs[j, i] = one.forth, one.back
    dear = 1 + 2 * float(costs.max(initial=0.0))
    for i, j, one in known:
        if one.rounded:
            whole, rounded = (i, j) if one.rounded > 0 else (j, i)
            # What else may come from both comes from the one that is not rounded ...
            costs[rounded] = np.maximum(costs[rounded], (1 + _MIDDLE) * costs[whole])
            # ... and what was rounded away is not there to come from.
            costs[rounded, whole] = dear
    return costs


def _evidence(parent: int, child: int, pairs: Pairs) -> Evidence:
    forth = parent < child
    found = pairs.get((parent, child) if forth else (child, parent))
    if found is None:
        return "fingerprint"
    sign = 1 if forth else -1
    cheaper = (found.back - found.forth) * sign > 0
    if found.rounded * sign > 0:
        return "rounded"
    if found.pruned * sign > 0 and cheaper:
        return "pruned"
    return "same" if found.same else "position"
