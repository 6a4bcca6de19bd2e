r"""Scales that bring two matched networks closest to each other, half of the way by each of them.

.. math::

    \min_c \sum_e \big(e^{-u_e/2} a_e - e^{u_e/2} b_e\big)^2, \qquad u = E c

The product :math:`a_e b_e` does not depend on c, so that this is the minimum of
:math:`\sum_e e^{-u_e} a_e^2 + e^{u_e} b_e^2`: convex, the same whichever network is called the first, and
reached where the entries that a scale moves weigh the same in both.  It is invariant to how either was scaled
if both are representatives under scales.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from scalegmn.symmetry.discovery import ExponentRows

from ._newton import minimize_exponentials


def balancing_scales(
    rows: ExponentRows, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]
) -> NDArray[np.float64]:
    """Free log-scales of the other network, ``(dimension,)``.

    Args:
        rows: of the scales.
        reference: parameters, float64.
        other: those of the network that is to be scaled.
    """
    ours, theirs = (
        rows.sums({name: value.double().square() for name, value in values.items()})
        for values in (reference, other)
    )
    return minimize_exponentials(csr_matrix(rows.matrix), rising=theirs, falling=ours, rate=1.0)
