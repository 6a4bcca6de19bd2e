"""Who descends from whom within one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ._arborescence import cheapest_tree
from ._kinship import Kinship
from ._lineage import DescentEvidence

Pairs = Mapping[tuple[int, int], Kinship]
"""Comparisons of networks, by their numbers, the smaller first."""

_MIDDLE: Final = 0.3
"""Weight of the mean way from the root: it decides where nothing else does."""
_ROOTS: Final = 32
"""Roots that are tried, those in the middle first."""
_ROUNDED: Final = 1.1
"""What comes from a network and from its rounded copy costs so many times more from the copy."""
_FAR: Final = 1.5
"""Networks that were not aligned cost so many times what others of that likeness do."""


def family_parents(
    members: Sequence[int], likeness: np.ndarray, pairs: Pairs
) -> dict[int, tuple[int, DescentEvidence] | None]:
    """The most probable parent of each member, and what tells the direction.

    Args:
        members: indices of the networks.
        likeness: of the members' fingerprints, ``(k, k)``.
        pairs: what alignment said of pairs of networks.

    Returns:
        Parents by number; None for the root.
    """
    found = rooted_tree(_costs(members, likeness, pairs))
    return {
        child: None if parent is None else (members[parent], _evidence(members[parent], child, pairs))
        for child, parent in zip(members, found, strict=True)
    }


def rooted_tree(costs: np.ndarray) -> list[int | None]:
    """The cheapest tree, and of those with other roots that cost hardly more, the one whose root is nearest.

    Where all edges cost the same in both directions, each node can be the root of one tree.  A base is where
    many lines come from.

    Args:
        costs: of an edge from parent to child, ``(n, n)``, finite.

    Returns:
        The parent of each; None for the root.
    """
    count = len(costs)
    off = costs - np.diag(costs.diagonal())
    central = np.argsort(off.sum(axis=1), kind="stable")[:_ROOTS]
    best: tuple[float, list[int | None]] = (np.inf, [None] * count)
    # More than a whole tree of any shape.
    forced = 1 + 2 * count * float(np.abs(off).max(initial=0.0))
    for root in central.tolist():
        found = cheapest_tree(costs, roots=np.where(np.arange(count) == root, 0.0, forced))
        lengths = _lengths(off, found, root)
        total = sum(off[parent, child] for child, parent in enumerate(found) if parent is not None)
        total += _MIDDLE * float(lengths.mean())
        if total < best[0]:
            best = (total, found)
    return best[1]


def _lengths(costs: np.ndarray, parents: Sequence[int | None], root: int) -> np.ndarray:
    """Costs of the way from the root to each node."""
    lengths = np.full(len(parents), np.nan)
    lengths[root] = 0.0
    for start in range(len(parents)):
        way, node = [], start
        while np.isnan(lengths[node]):
            way.append(node)
            node = parents[node] if parents[node] is not None else root  # type: ignore[assignment]
        for below in reversed(way):
            lengths[below] = lengths[node] + costs[node, below]
            node = below
    return lengths


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
            costs[rounded] = np.maximum(costs[rounded], _ROUNDED * costs[whole])
            # ... and what was rounded away is not there to come from.
            costs[rounded, whole] = dear
    return costs


def _evidence(parent: int, child: int, pairs: Pairs) -> DescentEvidence:
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
