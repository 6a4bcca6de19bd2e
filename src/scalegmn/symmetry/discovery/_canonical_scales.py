"""The representative of a network under its scales: its log-weights have no part along them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.linalg import lsmr
from torch import Tensor

from scalegmn.programs import Program, interpret

from ._evaluation import evaluated
from ._graded import ScaleAlgebra
from ._group_element import GroupElement
from ._kernel import Kernel
from ._labels import Labels

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
    kernel, labels = _scales(program)
    rows, targets = [csr_matrix((0, kernel.dimension))], [np.zeros(0)]
    for name, own in labels.items():
        value = parameters[name].detach().double().cpu().reshape(-1)
        kept = torch.nonzero(value != 0).squeeze(1)
        rows.append(_exponents(own, kernel, kept.numpy()))
        targets.append(value[kept].abs().log().numpy())
    matrix = vstack(rows, format="csr")
    numbers = torch.zeros(int(kernel.unknowns[-1]) + 1, dtype=torch.float64)
    numbers[torch.from_numpy(kernel.unknowns)] = torch.from_numpy(
        np.asarray(kernel.matrix @ _least_squares(matrix, -np.concatenate(targets)), dtype=np.float64)
    )
    return GroupElement(factors={name: torch.exp(evaluated(own, numbers)) for name, own in labels.items()})


def _scales(program: Program) -> tuple[Kernel, dict[str, Labels]]:
    algebra = ScaleAlgebra(program.parameters)
    interpret(program, algebra)
    kernel = algebra.solve()
    labels = {
        parameter.name: algebra.cells.resolve(algebra.parameter(index))
        for index, parameter in enumerate(program.parameters)
        if algebra.is_read(index)
    }
    return kernel, labels


def _exponents(labels: Labels, kernel: Kernel, entries: NDArray[np.int64]) -> csr_matrix:
    """How the free scales act on some entries of a parameter, one row each."""
    found = csr_matrix((len(entries), kernel.dimension))
    for term in labels.terms:
        ids = term.ids.expand(labels.shape).reshape(-1).numpy()[entries]
        found = found + float(term.coefficient) * kernel.matrix[kernel.position(np.maximum(ids, 0))]
    return csr_matrix(found)


def _least_squares(matrix: csr_matrix, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The solution of smallest norm; where zeros leave directions open, all solutions act alike."""
    if 0 in matrix.shape:
        return np.zeros(matrix.shape[1])
    found = lsmr(matrix, target, atol=_PRECISE, btol=_PRECISE, conlim=0, maxiter=100 * sum(matrix.shape))[0]
    return np.asarray(found, dtype=np.float64)
