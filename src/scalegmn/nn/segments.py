"""Gathering node features to edges, and summing edge features at nodes: each is the other's gradient.

PyTorch's own gather and scatter differentiate into atomic additions, which are an order of magnitude
slower on a CPU than a sum over sorted segments; the sort is done once for a batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Incidence:
    """Which of `size` rows each of M entries belongs to.

    Args:
        index: the row of every entry, ``(M,)``.
        size: number of rows.
    """

    def __init__(self, index: Tensor, size: int) -> None:
        self.index = index
        self.size = size
        in_order = bool((index[1:] >= index[:-1]).all())
        self._order = None if in_order else torch.argsort(index, stable=True)
        self._lengths = torch.bincount(index, minlength=size)

    def gather(self, x: Tensor) -> Tensor:
        """``x[index]``, rows ``(size, D)`` to entries ``(M, D)``.  Keeps every law."""
        gathered: Tensor = _Gather.apply(x, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum(self, e: Tensor) -> Tensor:
        """Sum of the entries ``(M, D)`` of every row, ``(size, D)``; 0 for rows without entries."""
        summed: Tensor = _Sum.apply(e, self)  # type: ignore[no-untyped-call]
        return summed

    def raw_sum(self, e: Tensor) -> Tensor:
        """The sum itself, outside of differentiation."""
        if e.shape[0] == 0:
            return e.new_zeros(self.size, *e.shape[1:])
        if e.device.type != "cpu":
            return e.new_zeros(self.size, *e.shape[1:]).index_add_(0, self.index, e)
        ordered = e if self._order is None else e.index_select(0, self._order)
        return torch.segment_reduce(ordered, "sum", lengths=self._lengths, axis=0, unsafe=True, initial=0)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return x.index_select(0, incidence.index)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.incidence.raw_sum(gradient.contiguous()), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return incidence.raw_sum(e.contiguous())

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.incidence.index), None
