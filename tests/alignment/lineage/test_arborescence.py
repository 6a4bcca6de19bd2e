"""Cheapest trees, compared with all trees there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scalegmn.alignment.lineage import cheapest_tree


def total(parents: tuple[int | None, ...], costs: np.ndarray, roots: np.ndarray) -> float:
    return sum(
        roots[child] if parent is None else costs[parent, child] for child, parent in enumerate(parents)
    )


def is_tree(parents: tuple[int | None, ...]) -> bool:
    if parents.count(None) != 1:
        return False
    for node in range(len(parents)):
        seen, here = set(), node
        while (above := parents[here]) is not None:
            if here in seen:
                return False
            seen.add(here)
            here = above
    return True


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_no_tree_is_cheaper(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Few different costs make many ties and cycles.
    costs = generator.integers(0, 6, size=(count, count)).astype(float)
    roots = generator.integers(0, 6, size=count).astype(float)
    found = tuple(cheapest_tree(costs, roots=roots))
    assert is_tree(found)
    choices = [[None, *(one for one in range(count) if one != child)] for child in range(count)]
    best = min(total(one, costs, roots) for one in itertools.product(*choices) if is_tree(one))
    assert total(found, costs, roots) == best


def test_nested_cycles() -> None:
    generator = np.random.default_rng(1)
    points = generator.normal(size=(60, 2))
    costs = np.linalg.norm(points[:, None] - points, axis=-1)
    found = tuple(cheapest_tree(costs, roots=np.where(np.arange(60) == 17, 0.0, 1.0)))
    assert is_tree(found) and found[17] is None
    # Costs are the same in both directions, so that it is a minimum spanning tree.
    from scipy.sparse.csgraph import minimum_spanning_tree

    expected = minimum_spanning_tree(costs).sum()
    assert total(found, costs, np.zeros(60)) == pytest.approx(expected)
