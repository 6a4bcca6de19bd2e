"""ScaleInv: functions that forget by what a neuron was multiplied.

Paper: Kalogeropoulos et al. 2024, section 5.1, "Scale invariant networks".
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from scalegmn.nn.factored import Factored, Features, affine, mapped
from scalegmn.nn.mlp import MLP, MLPStyle
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.segments import Incidence
from scalegmn.shapes import MappedRows, Rows, RowScalars, SharedExtras


def unit(x: Rows) -> Rows:
    """``x / |x|`` for every row of ``(M, D)``, and 0 where the row is 0.

    There is no epsilon: rows of size 1e-30 and 1e+30 come out as exactly as rows of size 1.  Dividing
    by the largest entry first keeps the squares in range; it needs no gradient, since the result does
    not depend on it.  Rows below :func:`smallest` count as 0.

    Law: ``(q x) -> sign(q) unit(x)``.
    """
    size = _usual_size(x)
    if size is not None:
        divided: Tensor = _Unit.apply(x, size)
        return divided
    largest = _largest(x)
    # A division by infinity leaves neither a value nor a gradient of rows that count as 0.
    ranged = x / torch.where(largest > 0, largest, torch.inf)
    length = torch.linalg.vector_norm(ranged, dim=-1, keepdim=True)
    return ranged / torch.where(largest > 0, length, 1)


def _usual_size(x: Rows) -> RowScalars | None:
    """The norm of every row without gradient, or None where squares might leave the range of numbers.

    One pass over x instead of five, for nearly all batches.  Only on CPUs, where looking at the result
    costs nothing, and never while compiling.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    size = torch.linalg.vector_norm(x.detach(), dim=-1, keepdim=True)
    unusual = ~((size > 1e-15) & (size < 1e15))
    if bool(unusual.any()) and bool(x.detach()[unusual.squeeze(-1)].any()):
        return None
    return size


def _inverse_norm(x: Rows) -> RowScalars | None:
    """``1 / |x|`` with gradient, and 0 where the row is 0; None as for :func:`_usual_size`."""
    if _usual_size(x) is None:
        return None
    size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.where(size > 0, 1 / torch.where(size > 0, size, 1), 0)


def without_sign(x: Features, rows: GroupRows) -> Features:
    """``|x|`` in rows whose group holds signs.  Law: ``(q x) -> |q| |x|``."""
    if isinstance(x, Factored):
        # Of a single number times a vector both may lose their sign.
        if x.single and rows.sign is True:
            return Factored(x.columns.abs(), x.vectors.abs(), single=True)
        x = x.multiplied()
    return x.abs() if rows.sign is True else torch.where(torch.as_tensor(rows.sign), x.abs(), x)


class _Unit(torch.autograd.Function):
    """``u = x / |x|`` with the gradient ``(g - u <u, g>) / |x|``; 0 and 0 where ``|x|`` is 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: Tensor) -> Tensor:
        inverse = torch.where(size > 0, size.reciprocal(), 0)
        ctx.save_for_backward(x, inverse)
        return x * inverse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, inverse = ctx.saved_tensors
        along = (x * gradient).sum(dim=-1, keepdim=True) * inverse.square()
        return torch.addcmul(gradient, x, along, value=-1).mul_(inverse), None


def length(x: Rows) -> RowScalars:
    """Euclidean norm of every row, ``(M, 1)``, exact in range as in :func:`unit`.  Law: ``|q|``."""
    largest = _largest(x)
    ranged = x / torch.where(largest > 0, largest, torch.inf)
    # The clamp is never active (a row's largest entry is 1), but keeps the gradient at 0 finite.
    squares = ranged.square().sum(dim=-1, keepdim=True)
    return torch.where(largest > 0, largest * squares.clamp_min(0.5).sqrt(), 0)


def smallest(dtype: torch.dtype) -> float:
    """The size from which on a row is more than 0: 1e-31 in single precision, 1e-292 in double precision.

    The gradient of ``x / |x|`` is ``1 / |x|``, which overflows where x is barely a number.  Dead neurons
    of trained networks are like that: weight decay brings their weights down to 1e-42.
    """
    limits = torch.finfo(dtype)
    return limits.tiny / limits.eps


def _largest(x: Rows) -> RowScalars:
    """The largest size of an entry of every row, without gradient, and 0 where the row counts as 0."""
    largest = x.detach().abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > smallest(x.dtype), largest, 0)


def without_scale(x: Features, rows: GroupRows) -> Features:
    """Divide the rows whose group holds positive scales by their norm.  Law: ``(q x) -> sign(q) x~``."""
    if rows.scale is False:
        return x
    if isinstance(x, Factored):
        inverse = _inverse_norm(x.multiplied())
        if inverse is not None:
            return x.times(inverse if rows.scale is True else torch.where(rows.scale, inverse, 1))
        x = x.multiplied()
    if rows.scale is True:
        return unit(x)
    return torch.where(rows.scale, unit(x), x)


@final
class ScaleInvariant(nn.Module):
    """``rho(x~)``, invariant under the group of each row.

    ``x~ = x / |x|`` takes positive scales out.  Signs are taken out by ``|x~|``, or, with `symmetrise`,
    by ``rho(x~) + rho(-x~)``, which also sees how the signs of the entries agree with each other.

    Args:
        inputs: width of x.
        outputs: width of the result.
        extras: width of invariant extras that rho also sees (AugScaleInv); 0 for none.
        symmetrise: see above.
        style: of the perceptron.

    Law: invariant.
    """

    def __init__(
        self, inputs: int, outputs: int, *, extras: int = 0, symmetrise: bool, style: MLPStyle
    ) -> None:
        super().__init__()
        self.symmetrise = symmetrise
        self.rho = MLP(inputs, outputs, style=style)
        self.extras = nn.Linear(extras, style.hidden, bias=False) if extras else None

    def forward(
        self,
        x: Features,
        rows: GroupRows,
        extras: SharedExtras | None = None,
        *,
        end: Incidence | None = None,
    ) -> MappedRows:
        """``(M, inputs)``, groups of the M rows, and extras ``(M, extras)`` to ``(M, outputs)``.

        With `end` the extras are those of nodes, and row m sees those of the node ``end.index[m]``; their
        linear map runs on nodes, before it is gathered.
        """
        x, first = without_scale(x, rows), self.rho.first
        shift = None
        if self.extras is not None and extras is not None:
            shift = linear(extras, self.extras.weight, first.bias)
            shift = shift if end is None else end.gather(shift)
        if self.symmetrise and rows.sign is not False:
            own_shift = first.bias if shift is None else shift
            return self._symmetrised(mapped(x, first.weight), own_shift, rows)
        if rows.sign is not False:
            x = without_sign(x, rows)
        # In place: nobody needs the sum without the product, or the other way round.
        hidden = affine(first, x) if shift is None else mapped(x, first.weight).add_(shift)
        return self.rho.rest(hidden)

    def _symmetrised(self, mapped: Tensor, shift: Tensor, rows: GroupRows) -> Tensor:
        """The two arguments share their first linear map, and the last one is applied to the sum."""
        hidden = self.rho.activate(mapped + shift)
        if rows.sign is True:
            return self.rho.last(hidden.add_(self.rho.activate(shift - mapped)))
        chosen = rows.sign_rows
        shifted = shift if shift.ndim == 1 else shift.index_select(0, chosen)
        mirrored = self.rho.activate(shifted - mapped.index_select(0, chosen))
        return self.rho.last(hidden.index_add(0, chosen, mirrored.to(hidden.dtype)))
