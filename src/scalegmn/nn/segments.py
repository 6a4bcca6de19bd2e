"""Gathering node features to edges, and summing edge features at nodes: each is the other's gradient.

PyTorch's own gather and scatter differentiate into atomic additions, which are an order of magnitude
slower on a CPU.  Here the entries of a row stand together, and rows with equally many entries stand
together, so that a sum is a plain sum over an axis.  The sorting is done once for a batch.
"""

from __future__ import annotations

from functools import cached_property
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

    def part(self, entries: slice) -> Incidence:
        """Of some of the entries."""
        return self if entries == slice(0, self.index.numel()) else Incidence(self.index[entries], self.size)

    @cached_property
    def _sorted(self) -> _Sorted:
        """Found when a sum is asked for first; without gradients, gathering asks for none."""
        return _Sorted(self.index, self.size)

    @cached_property
    def counts(self) -> Tensor:
        """Entries of every row, ``(size, 1)``."""
        return torch.bincount(self.index, minlength=self.size).unsqueeze(1)

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
        found = self._sorted
        ordered = e if found.order is None else e.index_select(0, found.order)
        parts, start = [], 0
        for length, count in found.runs:
            part = ordered[start : start + length * count]
            parts.append(part.reshape(count, length, *e.shape[1:]).sum(dim=1))
            start += length * count
        if not parts:
            return sums
        joined = torch.cat(parts)
        return (
            sums.index_copy_(0, found.rows, joined)
            if found.distinct
            else sums.index_add_(0, found.rows, joined)
        )


class _Sorted:
    """Entries by row: runs of equally long rows, in which a sum is one over an axis.

    Attributes:
        order: of the entries, or None where they stand well already.
        rows: in the order in which they occur.
        runs: (entries per row, rows).
        distinct: whether every row occurs once.
    """

    def __init__(self, index: Tensor, size: int) -> None:
        self.order: Tensor | None = None
        self.rows, self.runs = _runs(index)
        if len(self.runs) > _MOST_RUNS:
            entries = torch.bincount(index, minlength=size)[index]
            self.order = torch.argsort(entries * size + index, stable=True)
            self.rows, self.runs = _runs(index[self.order])
        self.distinct = self.rows.numel() == self.rows.unique().numel()


class Selection:
    """Some of the rows of a matrix, each once.

    Args:
        mask: which ones, ``(M,)``.

    Attributes:
        rows: their numbers.
        whole: whether it is all rows.
    """

    def __init__(self, mask: Tensor) -> None:
        self.rows = torch.nonzero(mask).squeeze(1)
        self.whole = self.rows.numel() == mask.numel()
        first, last = (int(self.rows[0]), int(self.rows[-1]) + 1) if self.rows.numel() else (0, 0)
        self._slice = slice(first, last) if last - first == self.rows.numel() else None

    def take(self, x: Tensor) -> Tensor:
        """The selected rows of ``(M, D)``; a view where they stand together.  Keeps every law."""
        if self.whole:
            return x
        if self._slice is not None:
            return x[self._slice]
        taken: Tensor = _Take.apply(x, self.rows)
        return taken


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


class _Take(torch.autograd.Function):
    """PyTorch's own gradient of index_select adds row by row; these rows are distinct."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor) -> Tensor:
        ctx.rows, ctx.count = rows, x.shape[0]
        return x.index_select(0, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        whole = gradient.new_zeros(ctx.count, *gradient.shape[1:])
        return whole.index_copy_(0, ctx.rows, gradient), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return incidence.raw_sum(e.contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.incidence.index), None
