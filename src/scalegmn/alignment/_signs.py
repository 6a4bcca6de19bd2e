r"""Flips that bring one network closest to another.

.. math::

    \max_{s \in \mathrm{GF}(2)^k} \sum_r J_r \, (-1)^{(F s)_r}, \qquad J_r = \sum_{e \in r} a_e b_e

where the rows r are entries that are flipped together.  Flips are decided one after another, those of which
the entries say most first: a row tells about a flip as soon as it depends on no other undecided one.  Then
single flips follow as long as one gains.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

Flips = NDArray[np.int64]
Evidence = NDArray[np.float64]

_SURE: Final = 0.5
"""Flips whose evidence is at least so much of the clearest one's are decided together."""


def best_flips(flips: csr_matrix, evidence: Evidence) -> Flips:
    """Free flips that make the sum as large as possible, as far as single flips can tell.

    Args:
        flips: F, ``(rows, dimension)``, of zeros and ones.
        evidence: J, ``(rows,)``.

    Returns:
        ``(dimension,)`` of zeros and ones.  Exact where the rows agree, as those of a network and of its own
        copy do.
    """
    return climbed(flips, evidence, start=_decided(flips, evidence))


def climbed(flips: csr_matrix, evidence: Evidence, *, start: Flips) -> Flips:
    """Single flips, the best one first, as long as one gains.

    Args:
        flips: F.
        evidence: J.
        start: where to begin.
    """
    columns = csc_matrix(flips)
    now = start.copy()
    fields = evidence * (1.0 - 2.0 * np.mod(flips @ now, 2))
    # What is lost by each flip.
    losses = flips.T @ fields
    tolerance = 1e-12 * max(float(np.abs(evidence).sum()), 1e-300)
    while losses.size and losses[worst := int(np.argmin(losses))] < -tolerance:
        now[worst] ^= 1
        rows = columns.indices[columns.indptr[worst] : columns.indptr[worst + 1]]
        losses -= 2 * (flips[rows].T @ fields[rows])
        fields[rows] *= -1
    return now


def _decided(flips: csr_matrix, evidence: Evidence) -> Flips:
    count = flips.shape[1]
    found = np.zeros(count, dtype=np.int64)
    undecided = np.ones(count, dtype=bool)
    while undecided.any():
        left = flips @ undecided.astype(np.float64)
        telling = np.flatnonzero(left == 1)
        signs = 1.0 - 2.0 * np.mod(flips[telling] @ (found * ~undecided), 2)
        votes = (flips[telling].T @ (evidence[telling] * signs)) * undecided
        clearest = float(np.abs(votes).max())
        if clearest == 0:
            # Nothing tells about any of them alone: one is free, and the others follow it.
            undecided[np.flatnonzero(undecided)[0]] = False
            continue
        sure = undecided & (np.abs(votes) >= _SURE * clearest)
        found[sure & (votes < 0)] = 1
        undecided[sure] = False
    return found
