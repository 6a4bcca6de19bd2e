r"""The representative of a network under its scales in which matching is done.

.. math::

    c^* = \arg\min_c \sum_{e:\, w_e \neq 0} \tfrac12 e^{2 (E c)_e} w_e^2 - \varepsilon_e (E c)_e

with :math:`\varepsilon_e` one over the number of entries that a row of the parameter has.  The first term
alone makes what enters a neuron weigh as much as what leaves it, which is where gradient descent leaves
networks, and keeps how much each neuron matters; the second one holds scales that only grow or only shrink,
such as those in front of a norm.  The sum is strictly convex up to directions that nothing feels, so that
there is one representative for a network and all its rescalings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

from scipy.sparse import csr_matrix
from torch import Tensor

from scalegmn.symmetry.discovery import CanonicalScales, GroupElement

from ._newton import minimize_exponentials


@final
class BalancedScales:
    """Brings networks of one architecture to their representatives.

    Args:
        scales: of the architecture.
    """

    def __init__(self, scales: CanonicalScales) -> None:
        self._scales: Final = scales
        self._matrix: Final = csr_matrix(scales.rows.matrix)

    def element(self, parameters: Mapping[str, Tensor]) -> GroupElement:
        """The scales that bring a network to its representative.

        Args:
            parameters: by name, float64.
        """
        # Near enough for Newton's method, wherever the network lies.
        first = self._scales.element(parameters)
        near = first.apply(parameters)
        rows = self._scales.rows
        energy = rows.sums({name: value.square() / 2 for name, value in near.items()})
        pull = rows.sums({name: _pull(value) for name, value in near.items()})
        solution = minimize_exponentials(self._matrix, rising=energy, rate=2.0, pull=pull)
        return self._scales.scaled(solution).after(first)


def _pull(value: Tensor) -> Tensor:
    rows = value.shape[0] if value.dim() > 1 else value.numel()
    return (value != 0).double() * (rows / max(value.numel(), 1))
