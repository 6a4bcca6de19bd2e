"""Trees with a root in a graph whose edges have a direction."""

from __future__ import annotations

import numpy as np


def cheapest_tree(costs: np.ndarray, *, roots: np.ndarray) -> list[int | None]:
    """The parents that make the sum of costs least, of all that make one tree.

    Source: Chu and Liu, "On the shortest arborescence of a directed graph", 1965; Edmonds, "Optimum
    branchings", 1967.

    Args:
        costs: of an edge from parent to child, ``(n, n)``, finite; the diagonal is not read.
        roots: what it costs to have no parent, ``(n,)``, finite.

    Returns:
        The parent of each; None for the root.

    Example:
        >>> import numpy as np
        >>> from scalegmn.alignment.lineage import cheapest_tree
        >>> costs = np.array([[0.0, 1.0, 4.0], [3.0, 0.0, 2.0], [4.0, 2.0, 0.0]])
        >>> cheapest_tree(costs, roots=np.zeros(3))
        [None, 0, 1]
    """
    count = len(costs)
    if count < 2:
        return [None] * count
    # A node of its own, from which a single edge leaves, since a second one costs more than everything.
    dear = 2 * count * (1 + float(np.abs(costs).max()) + float(np.abs(roots).max()))
    graph = np.full((count + 1, count + 1), np.inf)
    graph[1:, 1:] = costs
    graph[0, 1:] = dear + roots
    np.fill_diagonal(graph, np.inf)
    graph[:, 0] = np.inf
    return [None if parent == 0 else int(parent) - 1 for parent in _parents(graph)[1:]]


def _parents(graph: np.ndarray) -> np.ndarray:
    """Parents of all nodes of the cheapest tree from node 0."""
    parents = graph.argmin(axis=0)
    parents[0] = 0
    groups = _cycles(parents)
    if groups.max() == len(graph) - 1:
        return parents
    # Each cycle becomes one node; an edge into it costs what it costs more than the edge that it replaces.
    own = graph[parents, np.arange(len(graph))]
    own[0] = 0.0
    in_cycle = np.bincount(groups)[groups] > 1
    excess = graph - np.where(in_cycle, own, 0.0)
    count = int(groups.max()) + 1
    smaller = np.full((count, count), np.inf)
    best = np.zeros((count, count, 2), dtype=np.int64)
    for group in range(count):
        members = np.flatnonzero(groups == group)
        # The best edge from each node into the group, then the best of each group of nodes.
        enters = excess[:, members]
        to = members[enters.argmin(axis=1)]
        cost = enters.min(axis=1)
        order = np.lexsort((cost, groups))
        firsts = order[np.unique(groups[order], return_index=True)[1]]
        smaller[groups[firsts], group] = cost[firsts]
        best[groups[firsts], group] = np.stack([firsts, to[firsts]], axis=1)
    np.fill_diagonal(smaller, np.inf)
    chosen = _parents(smaller)
    for group in range(1, count):
        source, target = best[chosen[group], group]
        parents[target] = source
    return parents


def _cycles(parents: np.ndarray) -> np.ndarray:
    """Numbers of groups: nodes of one cycle have one, and all others one each; node 0 has number 0."""
    count = len(parents)
    seen = np.full(count, -1)
    seen[0] = count
    groups = np.full(count, -1)
    groups[0], number = 0, 1
    for start in range(1, count):
        path, node = [], start
        while seen[node] == -1:
            seen[node] = start
            path.append(node)
            node = int(parents[node])
        if seen[node] == start and path:
            for member in path[path.index(node) :]:
                groups[member] = number
            number += 1
    for node in range(count):
        if groups[node] == -1:
            groups[node] = number
            number += 1
    return groups
