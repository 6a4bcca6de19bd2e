r"""ScaleInv: functions that forget by what a neuron was multiplied.

Source: Kalogeropoulos et al. 2024, section 5.1, "Scale invariant networks".
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._mlp import MLP, MLPStyle
from scalegmn.shapes import MappedRows, RowExtras, Rows, RowScalars


@final
class ScaleInvariant(nn.Module):
    r"""A function of x that does not change when x is multiplied by an element of its group.

    .. math::

        \mathrm{ScaleInv}(x; z) = \begin{cases}
            \rho(\tilde x; z)                      & \text{no sign in the group of the row} \\
            \rho(\tilde x; z) + \rho(-\tilde x; z) & \text{signs, symmetrize (the default of models)} \\
            \rho(|\tilde x|; z)                    & \text{signs, otherwise}
        \end{cases}
        \qquad
        \tilde x = \begin{cases}
            x / \lVert x \rVert & \text{positive scales in the group} \\
            x                   & \text{otherwise}
        \end{cases}

    :math:`\rho` is an MLP of one hidden layer whose last bias is added once, not twice.  The sum also sees
    how the signs of the entries agree with each other, which absolute values forget.  Rows of different
    groups stand in one matrix.

    Source: Kalogeropoulos et al. 2024, section 5.1, "Scale invariant networks"; the invariant extras z are
    their augmented version.

    Args:
        inputs: width of x.
        outputs: width of the result.
        extras: width of z; 0 for none.
        symmetrize: see above.
        style: of :math:`\rho`.

    Shapes: x ``(M, inputs)``, z ``(M, extras)``, result ``(M, outputs)``.

    Law: invariant.
    """

    def __init__(
        self, inputs: int, outputs: int, *, extras: int = 0, symmetrize: bool, style: MLPStyle
    ) -> None:
        super().__init__()
        self.symmetrize = symmetrize
        self.rho = MLP(inputs, outputs, style=style)
        self.extras = nn.Linear(extras, style.hidden, bias=False) if extras else None

    def forward(self, x: Rows, groups: GroupRows, extras: RowExtras | None = None) -> MappedRows:
        """Rows, their groups, and invariant extras to invariants."""
        x = torch.where(groups.scale_mask, unit(x), x)
        if not self.symmetrize:
            return self.rho.last(self._hidden(torch.where(groups.sign_mask, x.abs(), x), extras))
        hidden, mirrored = self._hidden(x, extras), self._hidden(-x, extras)
        return self.rho.last(torch.where(groups.sign_mask, hidden + mirrored, hidden))

    def _hidden(self, x: Tensor, extras: Tensor | None) -> Tensor:
        """The hidden layer of rho, whose first map reads x and z side by side."""
        first = self.rho.first(x)
        if self.extras is not None and extras is not None:
            first = first + self.extras(extras)
        hidden: Tensor = self.rho.activate(first)
        return hidden


def unit(x: Rows) -> Rows:
    """``x / |x|`` for every row of ``(M, D)``, and 0 where the row is 0.

    There is no epsilon: rows of norm 1e-30 and 1e+30 come out as exactly as rows of norm 1.  Dividing
    by the largest entry first keeps the squares in range; it needs no gradient, since the result does
    not depend on it.  Rows below :func:`smallest` count as 0.

    Law: ``unit(q x) = sign(q) unit(x)``.
    """
    largest = _largest(x)
    # A division by infinity leaves neither a value nor a gradient of rows that count as 0.
    ranged = x / torch.where(largest > 0, largest, torch.inf)
    norm = torch.linalg.vector_norm(ranged, dim=-1, keepdim=True)
    return ranged / torch.where(largest > 0, norm, 1)


def length(x: Rows) -> RowScalars:
    """Euclidean norm of every row, ``(M, 1)``, exact in range as in :func:`unit`.

    Law: ``length(q x) = |q| length(x)``.
    """
    largest = _largest(x)
    ranged = x / torch.where(largest > 0, largest, torch.inf)
    # The clamp is never active (a row's largest entry is 1), but keeps the gradient at 0 finite.
    squares = ranged.square().sum(dim=-1, keepdim=True)
    return torch.where(largest > 0, largest * squares.clamp_min(0.5).sqrt(), 0)


def smallest(dtype: torch.dtype) -> float:
    """The largest entry above which a row counts as more than 0: 1e-31 in single, 1e-292 in double precision.

    The gradient of ``x / |x|`` is ``1 / |x|``, which overflows where x is barely a number.  Dead neurons
    of trained networks are like that: weight decay brings their weights down to 1e-42.
    """
    limits = torch.finfo(dtype)
    return limits.tiny / limits.eps


def _largest(x: Rows) -> RowScalars:
    """The largest absolute value of every row, without gradient, and 0 where the row counts as 0."""
    largest = x.detach().abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > smallest(x.dtype), largest, 0)
