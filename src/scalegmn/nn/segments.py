"""Gathering node features to edges, and summing edge features at nodes: each is the other's gradient.

PyTorch's own gather and scatter differentiate into atomic additions, which are an order of magnitude
slower on a CPU.  Here the entries of a row stand together, and rows with equally many entries stand
together, so that a sum is a plain sum over an axis.  The sorting is done once for a batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from scalegmn.shapes import RowIntegers

_MOST_RUNS = 32
"""Above this many runs of equally long rows the entries are sorted anew."""


class Incidence:
    """Which of `size` rows each of M entries belongs to.

    Args:
        index: the row of every entry, ``(M,)``.
        size: number of rows.
    """

    def __init__(self, index: RowIntegers, size: int) -> None:
        self.index = index
        self.size = size
        self._order: Tensor | None = None
        rows, runs = _runs(index)
        if len(runs) > _MOST_RUNS:
            entries = torch.bincount(index, minlength=size)[index]
            self._order = torch.argsort(entries * size + index, stable=True)
            rows, runs = _runs(index[self._order])
        self._rows, self._runs = rows, runs
        self._distinct = rows.numel() == rows.unique().numel()

    def gather(self, x: Tensor) -> Tensor:
        """``x[index]``, rows ``(size, D)`` to entries ``(M, D)``.  Keeps every law."""
        gathered: Tensor = _Gather.apply(x, self)
        return gathered

    def sum(self, e: Tensor) -> Tensor:
        """Sum of the entries ``(M, D)`` of every row, ``(size, D)``; 0 for rows without entries."""
        summed: Tensor = _Sum.apply(e, self)
        return summed

    def raw_sum(self, e: Tensor) -> Tensor:
        """The sum itself, outside of differentiation."""
        sums = e.new_zeros(self.size, *e.shape[1:])
        if e.device.type != "cpu":
            return sums.index_add_(0, self.index, e)
        ordered = e if self._order is None else e.index_select(0, self._order)
        parts, start = [], 0
        for length, count in self._runs:
            part = ordered[start : start + length * count]
            parts.append(part.reshape(count, length, *e.shape[1:]).sum(dim=1))
            start += length * count
        if not parts:
            return sums
        joined = torch.cat(parts)
        return (
            sums.index_copy_(0, self._rows, joined)
            if self._distinct
            else sums.index_add_(0, self._rows, joined)
        )


def _runs(index: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
    """Rows in the order in which they occur, and (entries per row, rows) for runs of equally long rows."""
    rows, lengths = torch.unique_consecutive(index, return_counts=True)
    length, count = torch.unique_consecutive(lengths, return_counts=True)
    return rows, list(zip(length.tolist(), count.tolist(), strict=True))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return x.index_select(0, incidence.index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.incidence.raw_sum(gradient.contiguous()), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return incidence.raw_sum(e.contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.incidence.index), None
