"""The representative of a network under its scales: its log-weights have no part along them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import lsmr
from torch import Tensor

from scalegmn.programs import Program

from ._exponent_rows import ExponentRows
from ._graded import ScaleAlgebra
from ._group_element import GroupElement
from ._symmetries import Exponents, solve_exponents

_PRECISE: Final = 1e-15


def canonical_scales(program: Program, parameters: Mapping[str, Tensor]) -> GroupElement:
    r"""The scales that bring a network to the representative of all that differ from it by scales.

    .. math::

        c^* = \arg\min_c \sum_{p:\, w_p \neq 0} \big(\log |w_p| + E_p\, c\big)^2

    where the rows of E say how the scales act, :math:`w_p \to e^{E_p c}\, w_p`.  It is a linear least-squares
    problem.  Zeros stay zeros under all scales and do not count.  Directions that only zeros feel are left
    alone.

    Args:
        program: the network.
        parameters: effective ones, by name.

    Returns:
        The element; ``element.apply(parameters)`` is the representative.

    Law: the same representative for a network and for any of its rescalings; permutations and signs commute
    with it.  The function stays the same.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from scalegmn.programs.tracing import trace
        >>> from scalegmn.symmetry.discovery import canonical_scales
        >>> module = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).double()
        >>> state = {name: value.detach() for name, value in module.state_dict().items()}
        >>> program = trace(module)
        >>> canonical = canonical_scales(program, state).apply(state)
        >>> scaled = {**state, "0.weight": 3 * state["0.weight"], "0.bias": 3 * state["0.bias"]}
        >>> scaled["2.weight"] = state["2.weight"] / 3
        >>> again = canonical_scales(program, scaled).apply(scaled)
        >>> all(torch.allclose(canonical[name], again[name]) for name in state)
        True
    """
    return CanonicalScales(solve_exponents([program], ScaleAlgebra(program.parameters))).element(parameters)


@final
class CanonicalScales:
    """The canonical scales of many networks of one program, as :func:`canonical_scales` has them.

    Args:
        exponents: scales of the program.
    """

    def __init__(self, exponents: Exponents) -> None:
        self.rows: Final = ExponentRows(exponents)

    def element(self, parameters: Mapping[str, Tensor]) -> GroupElement:
        """The scales that bring a network to its representative."""
        values = {name: value.detach().double() for name, value in parameters.items()}
        counts = self.rows.sums({name: (value != 0).double() for name, value in values.items()})
        logs = self.rows.sums({name: _log_size(value) for name, value in values.items()})
        # Entries of a row differ from their mean by what no scale can change.
        roots = np.sqrt(counts)
        targets = np.divide(-logs, roots, out=np.zeros_like(logs), where=roots > 0)
        solution = least_squares(csr_matrix(diags(roots) @ self.rows.matrix), targets)
        return self.scaled(solution)

    def scaled(self, coordinates: NDArray[np.float64]) -> GroupElement:
        """The element with some free log-scales, ``(dimension,)``."""
        exponents = self.rows.expand(self.rows.matrix @ coordinates)
        return GroupElement(factors={name: torch.exp(exponent) for name, exponent in exponents.items()})


def _log_size(value: Tensor) -> Tensor:
    return torch.where(value != 0, value.abs().log(), 0.0)


def least_squares(matrix: csr_matrix, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The solution of smallest norm; where zeros leave directions open, all solutions act alike."""
    if 0 in matrix.shape:
        return np.zeros(matrix.shape[1])
    found = lsmr(matrix, target, atol=_PRECISE, btol=_PRECISE, conlim=0, maxiter=100 * sum(matrix.shape))[0]
    return np.asarray(found, dtype=np.float64)
