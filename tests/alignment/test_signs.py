"""Flips that bring networks closest, against all flips."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scalegmn.alignment._signs import best_flips, climbed
from scalegmn.seeding import generator

SEEDS = range(8)


def system(seed: int, *, rows: int = 30, dimension: int = 7) -> csr_matrix:
    """Which entries each flip changes; entries have one, two or three flips, as weights between layers do."""
    numbers = generator(seed, "rows")
    matrix = np.zeros((rows, dimension))
    for row in range(rows):
        count = 1 + int(torch.randint(3, (1,), generator=numbers))
        matrix[row, torch.randperm(dimension, generator=numbers)[:count].numpy()] = 1
    return csr_matrix(matrix)


def normal(seed: int, count: int) -> NDArray[np.float64]:
    return torch.randn(count, generator=generator(seed, "evidence"), dtype=torch.float64).numpy()


def value(flips: csr_matrix, evidence: NDArray[np.float64], found: NDArray[np.int64]) -> float:
    return float(evidence @ (1.0 - 2.0 * np.mod(flips @ found, 2)))


def best_of_all(flips: csr_matrix, evidence: NDArray[np.float64]) -> float:
    return max(value(flips, evidence, np.array(one)) for one in product((0, 1), repeat=flips.shape[1]))


@pytest.mark.parametrize("seed", SEEDS)
def test_consistent_evidence_is_followed(seed: int) -> None:
    """Entries of a network and of its own copy agree: the product is its square, up to the flips."""
    flips = system(seed)
    hidden = (normal(seed, flips.shape[1]) > 0).astype(np.int64)
    evidence = normal(seed + 100, flips.shape[0]) ** 2 * (1.0 - 2.0 * np.mod(flips @ hidden, 2))
    found = best_flips(flips, evidence)
    assert set(found.tolist()) <= {0, 1}
    assert abs(value(flips, evidence, found) - best_of_all(flips, evidence)) < 1e-9
    assert abs(value(flips, evidence, found) - np.abs(evidence).sum()) < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_flips_that_only_pairs_know_are_found(seed: int) -> None:
    """As where the first layer is zero: only the product of two signs is seen, and one of them is free."""
    pairs = np.zeros((6, 5))
    for row, (one, other) in enumerate(((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 3))):
        pairs[row, [one, other]] = 1
    flips = csr_matrix(pairs)
    hidden = (normal(seed, 5) > 0).astype(np.int64)
    evidence = normal(seed + 1, 6) ** 2 * (1.0 - 2.0 * np.mod(flips @ hidden, 2))
    assert abs(value(flips, evidence, best_flips(flips, evidence)) - np.abs(evidence).sum()) < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_climbing_never_loses_and_ends_where_no_flip_gains(seed: int) -> None:
    flips, evidence = system(seed), normal(seed, 30)
    start = (normal(seed + 7, flips.shape[1]) > 0).astype(np.int64)
    kept = start.copy()
    found = climbed(flips, evidence, start=start)
    assert (start == kept).all()
    now = value(flips, evidence, found)
    assert now >= value(flips, evidence, start) - 1e-12
    for column in range(flips.shape[1]):
        other = found.copy()
        other[column] ^= 1
        assert value(flips, evidence, other) <= now + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_unrelated_evidence_is_not_worse_than_no_flips(seed: int) -> None:
    flips, evidence = system(seed), normal(seed, 30)
    found = value(flips, evidence, best_flips(flips, evidence))
    assert 0.7 * best_of_all(flips, evidence) <= found <= best_of_all(flips, evidence) + 1e-9


def test_where_nothing_tells_it_ends() -> None:
    flips = system(0)
    assert value(flips, np.zeros(30), best_flips(flips, np.zeros(30))) == 0
    assert best_flips(csr_matrix((0, 3)), np.zeros(0)).shape == (3,)
    assert best_flips(csr_matrix((4, 0)), np.ones(4)).shape == (0,)


def test_equal_evidence_is_no_trouble() -> None:
    flips = system(3)
    found = best_flips(flips, -np.ones(30))
    assert value(flips, -np.ones(30), found) >= 0.7 * best_of_all(flips, -np.ones(30))
