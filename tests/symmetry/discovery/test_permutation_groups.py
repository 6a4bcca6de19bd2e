"""The best element of a group of permutations, against all of its elements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import Cosets, DirectProduct, Gains, PermutationGroup, Wreath
from scalegmn.symmetry.discovery._permutation_groups import exchange

NOTHING = DirectProduct(())
CYCLE = np.array([4, 9, 2, 7, 5])
SWAPS = Wreath(np.array([[1], [3]]), NOTHING)


def rolled(points: NDArray[np.int64]) -> Cosets:
    """A cycle: what it holds when one point stays is nothing."""
    moves = np.stack([np.roll(points, -shift) for shift in range(len(points))])
    return Cosets(points, moves, NOTHING)


def symmetric_by_cosets() -> Cosets:
    """All permutations of three points, the first of which goes anywhere."""
    domain = np.array([0, 1, 2])
    moves = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    return Cosets(domain, moves, Wreath(np.array([[1], [2]]), NOTHING))


GROUPS: dict[str, PermutationGroup] = {
    "nothing": NOTHING,
    "single points": Wreath(np.array([[3], [8], [1], [6]]), NOTHING),
    "pairs": Wreath(np.array([[3, 0], [8, 2], [1, 5], [6, 4]]), NOTHING),
    "product": DirectProduct(
        (Wreath(np.array([[0], [4], [2]]), NOTHING), Wreath(np.array([[9, 8], [6, 7]]), NOTHING))
    ),
    # Heads, and channels within them.
    "wreath": Wreath(np.array([[1, 3], [5, 2], [0, 4]]), SWAPS),
    "wreath of products": Wreath(
        np.array([[1, 3, 10, 11], [5, 2, 8, 9]]),
        DirectProduct((SWAPS, Wreath(np.array([[10], [11]]), NOTHING))),
    ),
    # Some points of a block never move within it.
    "wreath around a fixed point": Wreath(np.array([[1, 7, 3], [5, 6, 2]]), SWAPS),
    "nested wreath": Wreath(
        np.array([[0, 1, 2, 3], [4, 5, 6, 7]]),
        Wreath(np.array([[0, 1], [2, 3]]), Wreath(np.array([[0], [1]]), NOTHING)),
    ),
    "cycle": rolled(CYCLE),
    "cosets": symmetric_by_cosets(),
    "wreath of cycles": Wreath(np.array([[4, 9, 2], [0, 1, 3]]), rolled(np.array([4, 9, 2]))),
}


def elements(group: PermutationGroup) -> list[dict[int, int]]:
    """All of them: products of generators."""
    points = sorted(group.points())
    still = tuple(points)
    found, new = {still}, [still]
    while new:
        image = new.pop()
        for moves in group.generators():
            product = tuple(moves.get(point, point) for point in image)
            if product not in found:
                found.add(product)
                new.append(product)
    return [dict(zip(points, image, strict=True)) for image in sorted(found)]


def gains_of(group: PermutationGroup, matrix: torch.Tensor) -> Gains:
    order = torch.randperm(len(group.points()), generator=generator(0, "points"))
    return Gains(np.array(group.points(), dtype=np.int64)[order.numpy()].reshape(-1), matrix.numpy())


def gained(gains: Gains, moves: dict[int, int]) -> float:
    if not moves:
        return 0.0
    points, places = (np.array(list(side), dtype=np.int64) for side in (moves.keys(), moves.values()))
    return float(gains.along(places, points).sum())


@pytest.mark.parametrize("name", GROUPS)
def test_the_best_element_gains_as_much_as_the_best_of_all(name: str) -> None:
    group = GROUPS[name]
    everything = elements(group)
    assert len(everything) == round(np.exp(group.log_order))
    count = len(group.points())
    for seed in range(5):
        gains = gains_of(
            group, torch.randn(count, count, generator=generator(seed, name), dtype=torch.float64)
        )
        gain, moves = group.best(gains)
        assert abs(gain - max(gained(gains, one) for one in everything)) < 1e-9
        # It is an element, and gains what it says.
        assert {**{point: point for point in group.points()}, **moves} in everything
        assert abs(gained(gains, moves) - gain) < 1e-9


@pytest.mark.parametrize("name", GROUPS)
def test_an_element_is_found_again(name: str) -> None:
    group = GROUPS[name]
    count = len(group.points())
    numbers = torch.randn(count, 4, generator=generator(1, name), dtype=torch.float64)
    own = np.array(group.points(), dtype=np.int64)
    index = {int(point): number for number, point in enumerate(own)}
    for seed in range(3):
        moves = group.random(generator(seed, name))
        there = numbers.clone()
        for point, place in moves.items():
            there[index[place]] = numbers[index[point]]
        # Where a point went, the other network has its numbers.
        gains = Gains(own, -torch.cdist(there, numbers).square().numpy() if count else np.zeros((0, 0)))
        assert group.best(gains)[1] == moves


@pytest.mark.parametrize("name", GROUPS)
def test_ties_are_no_trouble(name: str) -> None:
    group = GROUPS[name]
    count = len(group.points())
    gain, moves = group.best(gains_of(group, torch.ones(count, count, dtype=torch.float64)))
    assert gain == count
    assert {**{point: point for point in group.points()}, **moves} in elements(group)


def test_gains_are_looked_up_by_points() -> None:
    gains = Gains(np.array([7, 2, 5]), np.arange(9.0).reshape(3, 3))
    assert gains.between(np.array([2, 7]), np.array([5])).tolist() == [[5.0], [2.0]]
    assert gains.along(np.array([2, 7]), np.array([5, 7])).tolist() == [5.0, 0.0]


def test_blocks_are_exchanged() -> None:
    assert exchange([1, 2], [5, 4]) == {1: 5, 2: 4, 5: 1, 4: 2}
