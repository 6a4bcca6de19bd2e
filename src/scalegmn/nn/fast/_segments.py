"""Gathering node features to edges, and summing edge features at nodes: each is the other's gradient.

PyTorch's own gather and scatter differentiate into atomic additions, which are an order of magnitude
slower on a CPU.  Here the entries of a row stand together, and rows with equally many entries stand
together, so that a sum is a plain sum over an axis.  The sorting is done once for a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
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
        other: what else the entries belong to, ``(M,)``; a sum looks for rows that come in turn for one
            of these after the other, as the sources of edges do for each target.
    """

    def __init__(self, index: RowIntegers, size: int, *, other: RowIntegers | None = None) -> None:
        self.index = index
        self.size = size
        self.other = other

    def part(self, entries: slice) -> Incidence:
        """Restrict to a slice of the entries."""
        if entries == slice(0, self.index.numel()):
            return self
        other = None if self.other is None else self.other[entries]
        return Incidence(self.index[entries], self.size, other=other)

    @cached_property
    def _sorted(self) -> _Sorted:
        """Found when a sum is asked for first; without gradients, gathering asks for none."""
        return _Sorted(self.index, self.size, self.other)

    @cached_property
    def counts(self) -> Tensor:
        """Entries of every row, ``(size, 1)``."""
        return torch.bincount(self.index, minlength=self.size).unsqueeze(1)

    def gather(self, x: Tensor) -> Tensor:
        """``x[index]``, rows ``(size, D)`` to entries ``(M, D)``.  Keeps every law."""
        if not x.requires_grad:
            return x.index_select(0, self.index)
        gathered: Tensor = _Gather.apply(x, self)
        return gathered

    def sum(self, e: Tensor) -> Tensor:
        """Sum of the entries ``(M, D)`` of every row, ``(size, D)``; 0 for rows without entries."""
        if not e.requires_grad:
            return self.raw_sum(e)
        summed: Tensor = _Sum.apply(e, self)
        return summed

    def raw_sum(self, e: Tensor) -> Tensor:
        """The sum itself, outside of differentiation."""
        if e.device.type != "cpu":
            return e.new_zeros(self.size, *e.shape[1:]).index_add_(0, self.index, e)
        found = self._sorted
        ordered = e.contiguous() if found.order is None else e.index_select(0, found.order)
        parts, start = [], 0
        for run in found.runs:
            part = ordered[start : start + run.entries]
            parts.append(part if run.repeats == 1 else _folded(part, run))
            start += run.entries
        if found.all_rows and len(parts) == 1:
            # A sum is never a view of its argument: it may be written into.
            return parts[0].clone() if found.runs[0].repeats == 1 and found.order is None else parts[0]
        joined = torch.cat([*parts, e.new_empty(0, *e.shape[1:])])
        if found.all_rows:
            return joined
        sums = e.new_zeros(self.size, *e.shape[1:])
        if found.distinct:
            return sums.index_copy_(0, found.rows, joined)
        return sums.index_add_(0, found.rows, joined)


@dataclass(frozen=True)
class _Run:
    """`blocks` times: `repeats` times the same `period` rows that follow each other."""

    period: int
    repeats: int
    blocks: int

    @property
    def entries(self) -> int:
        return self.period * self.repeats * self.blocks


def _folded(part: Tensor, run: _Run) -> Tensor:
    """The sums over the repeats of a run, one row after the other."""
    summed = part.reshape(run.blocks, run.repeats, -1).sum(dim=1)
    return summed.reshape(run.blocks * run.period, *part.shape[1:])


class _Sorted:
    """Entries by row: runs of equal blocks, in which a sum is one over an axis.

    Attributes:
        order: of the entries, or None where they stand well already.
        rows: in the order in which they occur in the runs.
        runs: of the entries in order.
        distinct: whether every row occurs once.
        all_rows: whether the rows are all there are, in order.
    """

    def __init__(self, index: Tensor, size: int, other: Tensor | None) -> None:
        self.order: Tensor | None = None
        # Where messages arrive, the entries of a row stand together; where they come from, the rows of a
        # layer follow each other, again for every neuron of the next layer.
        found = min(_together(index), _in_turn(index, other), key=lambda way: way[0].numel())
        if len(found[1]) > _MOST_RUNS:
            entries = torch.bincount(index, minlength=size)[index]
            self.order = torch.argsort(entries * size + index, stable=True)
            found = _together(index[self.order])
        self.rows, self.runs = found
        self.distinct = self.rows.numel() == self.rows.unique().numel()
        self.all_rows = torch.equal(self.rows, torch.arange(size, device=index.device))


def _together(index: Tensor) -> tuple[Tensor, list[_Run]]:
    """Rows in the order in which they occur, and runs of rows that are repeated equally often."""
    rows, lengths = torch.unique_consecutive(index, return_counts=True)
    length, count = torch.unique_consecutive(lengths, return_counts=True)
    return rows, [_Run(1, *run) for run in zip(length.tolist(), count.tolist(), strict=True)]


def _in_turn(index: Tensor, other: Tensor | None) -> tuple[Tensor, list[_Run]]:
    """The same for blocks of rows that follow each other, each block repeated."""
    ends = index.diff() != 1
    breaks = torch.nonzero(ends if other is None else ends | (other.diff() != 0)).squeeze(1) + 1
    first = torch.cat([breaks.new_zeros(min(1, index.numel())), breaks])
    periods = torch.cat([first, first.new_tensor([index.numel()])]).diff()
    blocks, repeats = torch.unique_consecutive(
        torch.stack([index[first], periods]), dim=1, return_counts=True
    )
    starts, periods = blocks
    kinds, counts = torch.unique_consecutive(torch.stack([periods, repeats]), dim=1, return_counts=True)
    before = (periods.cumsum(0) - periods).repeat_interleave(periods)
    within = torch.arange(before.numel(), device=index.device) - before
    runs = [_Run(*run) for run in zip(*kinds.tolist(), counts.tolist(), strict=True)]
    return starts.repeat_interleave(periods) + within, runs


class RowSubset:
    """A subset of the rows of a matrix.

    Args:
        mask: which rows, ``(M,)``.

    Attributes:
        rows: their indices.
        whole: whether it is all rows.
    """

    def __init__(self, mask: Tensor) -> None:
        self.rows = torch.nonzero(mask).squeeze(1)
        self.whole = self.rows.numel() == mask.numel()
        first, last = (int(self.rows[0]), int(self.rows[-1]) + 1) if self.rows.numel() else (0, 0)
        self._slice = slice(first, last) if last - first == self.rows.numel() else None

    def take(self, x: Tensor) -> Tensor:
        """The rows of the subset of ``(M, D)``; a view where they stand together.  Keeps every law."""
        if self.whole:
            return x
        if self._slice is not None:
            return x[self._slice]
        taken: Tensor = _Take.apply(x, self.rows)
        return taken


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, incidence: Incidence) -> Tensor:
        ctx.incidence = incidence
        return x.index_select(0, incidence.index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.incidence.raw_sum(gradient), None


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
        return incidence.raw_sum(e)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.incidence.index), None
