"""ScaleInv and ScaleEq with fewer operations: on low-rank features, and with one pass for both signs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from scalegmn.nn import MLP, GroupRows, IOMap, ScaleEquivariant, ScaleInvariant, length, unit
from scalegmn.nn.fast._factored import Factored, Features, apply_affine, apply_linear
from scalegmn.nn.fast._segments import Incidence
from scalegmn.shapes import MappedNodes, MappedRows, Rows, RowScalars, SharedExtras


def fast_unit(x: Rows) -> Rows:
    """:func:`scalegmn.nn.unit` in one pass over x instead of five, for nearly all batches on CPUs."""
    size = _usual_norm(x)
    if size is None:
        return unit(x)
    divided: Tensor = _Unit.apply(x, size)
    return divided


def fast_carry(m: Rows, like: Rows, groups: GroupRows) -> Rows:
    """:func:`scalegmn.nn.carry`, and nothing where no row scales."""
    if groups.scale is False:
        return m
    carried = fast_unit(m) * length(like)
    return carried if groups.scale is True else torch.where(groups.scale, carried, m)


def scale_invariant(
    f: ScaleInvariant,
    x: Features,
    groups: GroupRows,
    extras: SharedExtras | None = None,
    *,
    end: Incidence | None = None,
) -> MappedRows:
    """What :class:`~scalegmn.nn.ScaleInvariant` computes, ``(M, inputs)`` to ``(M, outputs)``.

    With `end` the extras are those of nodes, and row m sees those of the node ``end.index[m]``; their
    linear map runs on nodes, before it is gathered.
    """
    x, first = without_scale(x, groups), f.rho.first
    shift = None
    if f.extras is not None and extras is not None:
        shift = linear(extras, f.extras.weight, first.bias)
        shift = shift if end is None else end.gather(shift)
    if f.symmetrize and groups.sign is not False:
        own_shift = first.bias if shift is None else shift
        return _symmetrized(f.rho, apply_linear(x, first.weight), own_shift, groups)
    if groups.sign is not False:
        x = without_sign(x, groups)
    # In place: nobody needs the sum without the product, or the other way round.
    hidden = apply_affine(first, x) if shift is None else apply_linear(x, first.weight).add_(shift)
    return f.rho.rest(hidden)


def scale_equivariant(
    f: ScaleEquivariant,
    x: Features,
    groups: GroupRows,
    extras: SharedExtras | None = None,
    *,
    end: Incidence | None = None,
) -> MappedRows:
    """What :class:`~scalegmn.nn.ScaleEquivariant` computes; for `end` see :func:`scale_invariant`."""
    return apply_affine(f.linear, x) * scale_invariant(f.invariant, x, groups, extras, end=end)


def io_map_sums(f: IOMap, x: Features, receivers: Incidence) -> MappedNodes:
    """Sums of :class:`~scalegmn.nn.IOMap` of the entries ``(M, inputs)`` of every row, ``(V, outputs)``."""
    last, hidden = f.mlp.last, f.mlp.activate(apply_affine(f.mlp.first, x))
    if f.linear is not None:
        return receivers.sum(apply_affine(f.linear, x) * last(hidden))
    # The last map of the MLP is linear: it is applied once to the sum, its bias once per entry.
    return linear(receivers.sum(hidden), last.weight) + receivers.counts.to(hidden) * last.bias


def without_scale(x: Features, groups: GroupRows) -> Features:
    """Divide the rows whose group holds positive scales by their norm.  Law: ``(q x) -> sign(q) x~``."""
    if groups.scale is False:
        return x
    if isinstance(x, Factored):
        inverse = _inverse_norm(x.materialize())
        if inverse is not None:
            return x.times(inverse if groups.scale is True else torch.where(groups.scale, inverse, 1))
        x = x.materialize()
    if groups.scale is True:
        return fast_unit(x)
    return torch.where(groups.scale, fast_unit(x), x)


def without_sign(x: Features, groups: GroupRows) -> Features:
    """``|x|`` in rows whose group holds signs.  Law: ``(q x) -> |q| |x|``."""
    if isinstance(x, Factored):
        # A single number times a vector: both may lose their signs.
        if x.single and groups.sign is True:
            return Factored(x.columns.abs(), x.vectors.abs(), single=True)
        x = x.materialize()
    return x.abs() if groups.sign is True else torch.where(torch.as_tensor(groups.sign), x.abs(), x)


def _symmetrized(rho: MLP, mapped: Tensor, shift: Tensor, groups: GroupRows) -> Tensor:
    """The two arguments share their first linear map, and the last one is applied to the sum."""
    hidden = rho.activate(mapped + shift)
    if groups.sign is True:
        return rho.last(hidden.add_(rho.activate(shift - mapped)))
    chosen = groups.sign_rows
    shifted = shift if shift.ndim == 1 else shift.index_select(0, chosen)
    mirrored = rho.activate(shifted - mapped.index_select(0, chosen))
    return rho.last(hidden.index_add(0, chosen, mirrored.to(hidden.dtype)))


def _usual_norm(x: Rows) -> RowScalars | None:
    """The norm of every row without gradient, or None where squares might leave the range of numbers.

    Only on CPUs, where looking at the result costs nothing, and never while compiling.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    size = torch.linalg.vector_norm(x.detach(), dim=-1, keepdim=True)
    unusual = ~((size > 1e-15) & (size < 1e15))
    if bool(unusual.any()) and bool(x.detach()[unusual.squeeze(-1)].any()):
        return None
    return size


def _inverse_norm(x: Rows) -> RowScalars | None:
    """``1 / |x|`` with gradient, and 0 where the row is 0; None as for :func:`_usual_norm`."""
    if _usual_norm(x) is None:
        return None
    size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.where(size > 0, 1 / torch.where(size > 0, size, 1), 0)


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
