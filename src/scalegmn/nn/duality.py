"""Dual features: what travels backwards through a network.

A message from neuron i back to neuron j over the weight ``w_ij`` needs a law of neuron j.  With a
feature ``u_i`` of law ``1/q_i``, the product ``w_ij u_i`` has the law ``1/q_j``, as a back-propagated
gradient has, and nothing is divided by a weight.  The published model sends primal features backwards,
which is exact for signs only (there ``q = 1/q``).
"""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.nn.invariant import length, unit
from scalegmn.nn.rows import GroupRows
from scalegmn.shapes import Rows, RowScalars


def dual_start(x: Rows, rows: GroupRows) -> Rows:
    """0 on rows that scale, x elsewhere.  Law: primal to dual.

    ``x / |x|**2`` would have the dual law too, but a neuron with a bias of 1e-12 would start with a
    feature of size 1e+12, next to others of size 1.  From 0 the duals grow out of the encodings of the
    labelled neurons, as gradients do.
    """
    if rows.scale is False:
        return x
    return torch.zeros_like(x) if rows.scale is True else torch.where(rows.scale, 0, x)


def carry(m: Rows, like: Rows, rows: GroupRows) -> Rows:
    """Turn m from one of the two laws into the other, that of `like`: ``m |like| / |m|`` on rows that scale.

    Where the group holds signs only the two laws are the same, and m stays as it is.

    Law: dual to primal where `like` is primal, and the other way round.
    """
    if rows.scale is False:
        return m
    carried = unit(m) * length(like)
    return carried if rows.scale is True else torch.where(rows.scale, carried, m)


def emitted(x: Rows, excess: RowScalars | None) -> Rows:
    """What neurons send on: ``x |x|**(d - 1)`` for activations of degree d.

    Args:
        x: primal features ``(V, D)``.
        excess: ``d - 1`` of every neuron, ``(V, 1)``, or None where it is 0 throughout.

    Law: ``q**d`` (signs count once), so that products with edge features have the law of the target.
    """
    return x if excess is None else x * _power(x, excess)


def received(m: Rows, x: Rows, excess: RowScalars | None) -> Rows:
    """Backward messages of law ``1 / q**d`` brought to the dual law by ``|x|**(d - 1)``."""
    return m if excess is None else m * _power(x, excess)


def _power(x: Tensor, excess: Tensor) -> Tensor:
    size = length(x)
    return torch.where(excess == 0, 1, torch.where(size > 0, size, 1) ** excess * (size > 0))
