"""A readable basis spans the same space, and its members move few parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn.programs import interpret
from scalegmn.programs.tracing import trace
from scalegmn.symmetry.discovery import symmetry_group
from scalegmn.symmetry.discovery._graded import GradedAlgebra, ScaleAlgebra, SignAlgebra
from scalegmn.symmetry.discovery._localized import localized


def normed() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 4, 3),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(16, 2),
    )


@pytest.mark.parametrize("kind", [ScaleAlgebra, SignAlgebra])
def test_the_space_stays(kind: type[GradedAlgebra]) -> None:
    program = trace(normed(), (torch.zeros(1, 2, 6, 6),))
    algebra = kind(program.parameters)
    interpret(program, algebra)
    kernel = algebra.solve()
    labels = {
        parameter.name: algebra.cells.resolve(algebra.parameter(index))
        for index, parameter in enumerate(program.parameters)
        if algebra.is_read(index)
    }
    basis = localized(kernel, labels, modulus=algebra.modulus)
    before, after = kernel.matrix.toarray(), basis.matrix.toarray()
    assert after.shape == before.shape
    rank = np.linalg.matrix_rank
    if algebra.modulus is None:
        assert rank(after) == rank(before) == rank(np.hstack([before, after]))
    else:
        # Over GF(2): every new column is a sum of old ones, and none is lost.
        old = {tuple(c % 2) for c in _sums(before)}
        new = {tuple(c % 2) for c in _sums(after)}
        assert old == new


def _sums(columns: np.ndarray) -> list[np.ndarray]:
    size = columns.shape[1]
    return [columns @ np.array([(n >> bit) & 1 for bit in range(size)]) for n in range(2**size)]


def test_a_batch_norm_has_three_families() -> None:
    program = trace(normed(), (torch.zeros(1, 2, 6, 6),))
    names = {family.names for family in symmetry_group(program).scales.families()}
    assert ("0.weight", "0.bias", "1.running_mean", "1.running_deviation") in names
    assert ("1.weight", "1.running_deviation") in names
    assert max(map(len, names)) == 4
