r"""Scales of an aligned network, fitted to all numbers alike and not to the large ones most.

With the logarithms :math:`r_p = \log |b_p / a_p|` of what is left between two networks, either

.. math::

    \min_c \sum_p (r_p + E_p\, c)^2 \qquad \text{or} \qquad \min_c \sum_p |r_p + E_p\, c|

The first leaves the least to each number where all were rounded.  The second leaves nothing to numbers that
agree, whatever became of others: what differs is found where it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import lsmr
from torch import Tensor

from scalegmn.shapes import Parameters
from scalegmn.symmetry.discovery import ExponentRows, least_squares

from ._aligner import Aligner
from ._alignment import Alignment
from ._frames import frame_of

_WIDTHS: Final = tuple(10.0 ** (-step / 3) for step in range(19))
"""Residuals below such a width count as squares; it shrinks until the sum is one of absolute values."""
_ROUGH: Final = 1e-3
_MOST_STEPS: Final = 200
_AGREES: Final = 1e-5
"""Of a residual: what is beyond does not take part in the last step."""


def align_closely(aligner: Aligner, reference: Parameters, other: Parameters, *, robust: bool) -> Alignment:
    """An alignment in float64 whose scales are fitted to logarithms.

    Args:
        aligner: of the architecture.
        reference, other: parameters, ``(P,)``.
        robust: whether numbers that differ much may do so, so that the others agree; otherwise the sum of
            squares is the least.
    """
    alignment = aligner.align(reference.double(), other.double())
    return with_fitted_scales(aligner, alignment, robust=robust)


def with_fitted_scales(aligner: Aligner, alignment: Alignment, *, robust: bool) -> Alignment:
    """An alignment with other scales; see :func:`align_closely`."""
    scales = frame_of(aligner.architecture).scales
    if not aligner.matching.scales or not scales.rows.matrix.shape[1]:
        return alignment
    unflatten, flatten = aligner.architecture.unflatten, aligner.architecture.flatten
    first, second = alignment.reference.double(), alignment.aligned.double()
    there = (first != 0) & (second != 0)
    residuals = torch.where(there, torch.log((second / first).abs()), 0.0)
    rows, coordinates = scales.rows, np.zeros(scales.rows.matrix.shape[1])

    def left() -> Tensor:
        # What nothing reads has no scale.
        factors = {**unflatten(torch.zeros_like(residuals)), **rows.expand(rows.matrix @ coordinates)}
        return residuals + flatten(factors)

    if not robust:
        coordinates = _solved(rows, unflatten, residuals, there.double(), precise=True)
    for width in _WIDTHS if robust else ():
        now = left()
        weights = there / torch.sqrt(now.square() + width**2)
        # The next step takes back what this one leaves.
        coordinates = coordinates + _solved(rows, unflatten, now, weights, precise=False)
    if robust:
        # The weights of the others are small, but not zero.
        now = left()
        agree = there & (now.abs() < _AGREES)
        coordinates = coordinates + _solved(rows, unflatten, now, agree.double(), precise=True)
    scaled = scales.scaled(coordinates).apply(unflatten(second))
    return dataclasses.replace(alignment, aligned=flatten(scaled))


def _solved(
    rows: ExponentRows,
    unflatten: Callable[[Tensor], Mapping[str, Tensor]],
    residuals: Tensor,
    weights: Tensor,
    *,
    precise: bool,
) -> NDArray[np.float64]:
    """The weighted least-squares solution."""
    sizes, logs = rows.sums(unflatten(weights)), rows.sums(unflatten(weights * residuals))
    roots = np.sqrt(sizes)
    targets = np.divide(-logs, roots, out=np.zeros_like(logs), where=roots > 0)
    matrix = csr_matrix(diags(roots) @ rows.matrix)
    if precise:
        return least_squares(matrix, targets)
    found = lsmr(matrix, targets, atol=_ROUGH, btol=_ROUGH, conlim=0, maxiter=_MOST_STEPS)[0]
    return np.asarray(found, dtype=np.float64)
