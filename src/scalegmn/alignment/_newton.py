"""Sums of exponentials, which are convex, by Newton's method."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import LinearOperator, cg

Vector = NDArray[np.float64]

_STEPS: Final = 100
_HALVINGS: Final = 40
_LARGEST_STEP: Final = 2.0
_SMALLEST: Final = 1e-15
"""Largest change of an exponent by a step that ends the search."""
_NEAR: Final = 1e-3


def minimize_exponentials(
    matrix: csr_matrix,
    *,
    rising: Vector,
    rate: float,
    falling: Vector | None = None,
    pull: Vector | None = None,
) -> Vector:
    r"""Minimize a convex function of log-scales.

    .. math::

        f(c) = \sum_r a_r e^{\lambda u_r} + b_r e^{-\lambda u_r} - p_r u_r, \qquad u = E c

    Args:
        matrix: E, ``(rows, dimension)``.
        rising: a, at least 0.
        rate: lambda.
        falling: b, at least 0; nothing where it is left out.
        pull: p.

    Returns:
        c, ``(dimension,)``; 0 along directions that nothing feels.
    """
    zero = np.zeros(matrix.shape[0])
    falling, pull = zero if falling is None else falling, zero if pull is None else pull
    solution = np.zeros(matrix.shape[1])
    if 0 in matrix.shape:
        return solution

    def terms(at: Vector) -> tuple[Vector, Vector, Vector]:
        exponents = matrix @ at
        return rising * np.exp(rate * exponents), falling * np.exp(-rate * exponents), pull * exponents

    def slope(up: Vector, down: Vector) -> Vector:
        return np.asarray(matrix.T @ (rate * (up - down) - pull))

    up, down, linear = terms(solution)
    gradient = slope(up, down)
    for _ in range(_STEPS):
        step = -_solved(matrix, rate**2 * (up + down), gradient)
        size = float(np.abs(matrix @ step).max())
        if size <= _SMALLEST:
            break
        step *= min(1.0, _LARGEST_STEP / size)
        value = float((up + down - linear).sum())
        for _ in range(_HALVINGS):
            found = terms(solution + step)
            after = slope(found[0], found[1])
            # Near the minimum, values no longer tell steps apart, and gradients do.
            lower = float((found[0] + found[1] - found[2]).sum()) < value
            if lower or (size < _NEAR and _norm(after) < _norm(gradient)):
                break
            step = step / 2
        else:
            break
        solution, gradient = solution + step, after
        up, down, linear = found
    return solution


def _norm(gradient: Vector) -> float:
    return float(np.abs(gradient).max())


def _solved(matrix: csr_matrix, curvature: Vector, gradient: Vector) -> Vector:
    """The Newton step, by conjugate gradients; nothing moves along directions that nothing feels."""
    diagonal = matrix.multiply(matrix).T @ curvature
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    count = matrix.shape[1]
    hessian = LinearOperator((count, count), matvec=lambda x: matrix.T @ (curvature * (matrix @ x)))
    found, _ = cg(hessian, gradient, rtol=1e-8, atol=0.0, maxiter=500, M=diags(inverse))
    return np.asarray(found, dtype=np.float64)
