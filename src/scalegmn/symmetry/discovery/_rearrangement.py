"""Where the entries of a tensor go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Rearrangement:
    """A permutation of the entries of a tensor, along its axes or of single entries.

    ``out[..., j, ...] = x[..., axes[a][j], ...]`` for every axis ``a`` that is named, or
    ``out.flatten() = x.flatten()[flat]``.

    Attributes:
        axes: source indices for some axes.
        flat: source indices of all entries, row by row, where axes alone cannot say it; no axis is named
            then.
    """

    axes: Mapping[int, Tensor] = field(default_factory=dict)
    flat: Tensor | None = None

    def apply(self, x: Tensor) -> Tensor:
        """The entries at their new places."""
        if self.flat is not None:
            return x.reshape(-1)[self.flat.to(x.device)].reshape(x.shape)
        for axis, source in self.axes.items():
            if x.stride(axis) != 0 or x.shape[axis] == 1:
                x = x.index_select(axis, source.to(x.device))
        return x

    def inverse(self) -> Rearrangement:
        """What takes every entry back."""
        if self.flat is not None:
            return Rearrangement(flat=torch.argsort(self.flat))
        return Rearrangement(axes={axis: torch.argsort(source) for axis, source in self.axes.items()})

    def after(self, first: Rearrangement, *, shape: torch.Size) -> Rearrangement:
        """Another rearrangement, and then this one, of tensors of a shape."""
        if self.flat is None and first.flat is None:
            joined = dict(first.axes)
            for axis, source in self.axes.items():
                joined[axis] = first.axes[axis][source] if axis in first.axes else source
            return Rearrangement(axes=joined)
        if self.flat is not None and first.flat is not None:
            return Rearrangement(flat=first.flat[self.flat])
        entries = torch.arange(shape.numel()).reshape(shape)
        return Rearrangement(flat=self.apply(first.apply(entries)).reshape(-1))
