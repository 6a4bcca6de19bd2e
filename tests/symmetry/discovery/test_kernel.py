"""The kernel of equations is that of the dense matrix, over the rational numbers and over GF(2)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scalegmn.symmetry.discovery._equations import Equations
from scalegmn.symmetry.discovery._kernel import solve
from scalegmn.symmetry.discovery._labels import Term

UNKNOWNS = 8


def random_system(seed: int) -> tuple[Equations, NDArray[np.float64]]:
    """Equations with one to four unknowns each, and the same as a dense matrix."""
    rng = np.random.default_rng(seed)
    equations = Equations()
    rows = []
    for _ in range(rng.integers(1, 7)):
        length = int(rng.integers(1, 5))
        ids = rng.choice(UNKNOWNS + 1, size=length, replace=False)
        coefficients = rng.choice([-2, -1, 1, 2, 3], size=length)
        row = np.zeros(UNKNOWNS + 1)
        row[ids] = coefficients
        row[0] = 0  # the origin is 0
        rows.append(row[1:])
        equations.vanish(
            [Term(Fraction(int(c)), torch.tensor([int(i)])) for c, i in zip(coefficients, ids, strict=True)]
        )
    return equations, np.array(rows)


@pytest.mark.parametrize("seed", range(40))
def test_rational_kernel(seed: int) -> None:
    equations, dense = random_system(seed)
    kernel = solve(equations, np.arange(1, UNKNOWNS + 1))
    assert kernel.dimension == UNKNOWNS - np.linalg.matrix_rank(dense)
    basis = kernel.matrix.toarray()
    assert np.abs(dense @ basis[1:]).max(initial=0) < 1e-9
    assert not basis[0].any()
    assert np.linalg.matrix_rank(basis) == kernel.dimension


@pytest.mark.parametrize("seed", range(40))
def test_binary_kernel(seed: int) -> None:
    equations, dense = random_system(seed)
    kernel = solve(equations, np.arange(1, UNKNOWNS + 1), modulus=2)
    odd = np.abs(dense.astype(int)) % 2
    solutions = sum(not (odd @ np.array(bits) % 2).any() for bits in product((0, 1), repeat=UNKNOWNS))
    assert 2**kernel.dimension == solutions
    assert not (odd @ kernel.matrix.toarray()[1:].astype(int) % 2).any()


def test_an_even_multiple_says_nothing_of_signs() -> None:
    equations = Equations()
    equations.vanish([Term(Fraction(2), torch.tensor([1])), Term(Fraction(2), torch.tensor([2]))])
    assert solve(equations, np.array([1, 2]), modulus=2).dimension == 2
    assert solve(equations, np.array([1, 2])).dimension == 1
