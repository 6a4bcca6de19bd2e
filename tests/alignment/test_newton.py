"""Sums of exponentials at their minimum: by hand, and where nothing pulls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scalegmn.alignment._newton import minimize_exponentials
from scalegmn.seeding import generator


def normal(seed: int, *shape: int) -> NDArray[np.float64]:
    return torch.randn(*shape, generator=generator(seed, "numbers"), dtype=torch.float64).numpy()


def test_one_exponent_by_hand() -> None:
    """``a e^u + b e^-u`` is least at half the logarithm of b / a, ``a e^2u - p u`` where ``2 a e^2u = p``."""
    one = csr_matrix(np.ones((1, 1)))
    for rising, falling in ((1.0, 1.0), (2.0, 5.0), (1e-8, 1e8), (1e30, 1e-10)):
        found = minimize_exponentials(one, rising=np.array([rising]), falling=np.array([falling]), rate=1.0)
        assert found[0] == pytest.approx(0.5 * np.log(falling / rising), rel=1e-9, abs=1e-12)
    found = minimize_exponentials(one, rising=np.array([3.0]), rate=2.0, pull=np.array([0.6]))
    assert found[0] == pytest.approx(0.5 * np.log(0.1), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_pulls_at_the_minimum(seed: int) -> None:
    matrix = csr_matrix(np.rint(normal(seed, 30, 6)))
    rising, falling, pull = (
        np.exp(3 * normal(seed + 10, 30)),
        np.exp(3 * normal(seed + 20, 30)),
        normal(seed, 30),
    )
    found = minimize_exponentials(matrix, rising=rising, falling=falling, rate=1.0, pull=pull)
    up, down = rising * np.exp(matrix @ found), falling * np.exp(-(matrix @ found))
    slope = matrix.T @ (up - down - pull)
    assert np.abs(slope).max() < 1e-9 * (abs(matrix).T @ (up + down)).max()


def test_directions_that_nothing_feels_are_left_alone() -> None:
    matrix = csr_matrix(np.array([[1.0, 0.0], [0.0, 0.0]]))
    found = minimize_exponentials(matrix, rising=np.ones(2), falling=np.full(2, np.e**2), rate=1.0)
    assert found[0] == pytest.approx(1.0) and found[1] == 0
    assert minimize_exponentials(csr_matrix((3, 0)), rising=np.ones(3), rate=1.0).shape == (0,)
    nothing = minimize_exponentials(matrix, rising=np.zeros(2), falling=np.zeros(2), rate=1.0)
    assert nothing.tolist() == [0, 0]
