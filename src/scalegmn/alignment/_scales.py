r"""Scales that bring two matched networks closest to each other, whichever of them is scaled.

.. math::

    \min_c \sum_e \big(e^{-u_e/2} a_e - e^{u_e/2} b_e\big)^2, \qquad u = E c

The product :math:`a_e b_e` does not depend on c, so that this is the minimum of
:math:`\sum_e e^{-u_e} a_e^2 + e^{u_e} b_e^2`: convex, the same for a pair and for any of its rescalings, and
reached where the entries that a scale moves weigh the same in both networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from torch import Tensor

from scalegmn.symmetry.discovery import ExponentRows, least_squares

_STEPS: Final = 30
_SMALLEST: Final = 1e-12
_LARGEST_STEP: Final = 2.0


def balancing_scales(
    rows: ExponentRows, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]
) -> NDArray[np.float64]:
    """Free log-scales of the other network, ``(dimension,)``, by Newton's method.

    Args:
        rows: of the scales.
        reference: parameters, float64.
        other: those of the network that is to be scaled.
    """
    first, second = (
        rows.sums({name: value.double().square() for name, value in values.items()})
        for values in (reference, other)
    )
    matrix = csr_matrix(rows.matrix)
    solution = np.zeros(matrix.shape[1])
    value = float((first + second).sum())
    for _ in range(_STEPS):
        exponents = matrix @ solution
        ours, theirs = np.exp(-exponents) * first, np.exp(exponents) * second
        step = _newton_step(matrix, gradient=theirs - ours, curvature=theirs + ours)
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        solution, value, moved = _descended(matrix, solution, step, first, second, value)
        if not moved or float(np.abs(step).max(initial=0.0)) < _SMALLEST:
            break
    return solution


def _newton_step(
    matrix: csr_matrix, *, gradient: NDArray[np.float64], curvature: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The solution of ``E^T D E x = -E^T g`` as a least-squares problem."""
    roots = np.sqrt(curvature)
    targets = np.divide(-gradient, roots, out=np.zeros_like(roots), where=roots > 0)
    return least_squares(csr_matrix(diags(roots) @ matrix), targets)


def _descended(
    matrix: csr_matrix,
    solution: NDArray[np.float64],
    step: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    value: float,
) -> tuple[NDArray[np.float64], float, bool]:
    """A step, halved until the value falls; nothing if it does not."""
    for _ in range(_STEPS):
        exponents = matrix @ (solution + step)
        found = float((np.exp(-exponents) * first + np.exp(exponents) * second).sum())
        if found < value:
            return solution + step, found, True
        step = step / 2
    return solution, value, False
