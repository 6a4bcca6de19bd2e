"""Symmetric functions of all entries along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

Reduce = Callable[[Tensor, tuple[int, ...], bool], Tensor]


def _along(reduce: Reduce) -> Callable[[OnnxCall], Tensor]:
    def compute(call: OnnxCall) -> Tensor:
        x, axes = call.tensor(), call.axes(1)
        if not axes and call.integer("noop_with_empty_axes", 0):
            return x
        chosen = tuple(range(x.dim())) if not axes else tuple(axis % x.dim() for axis in axes)
        # A number has no axes, and PyTorch takes none for all.
        return (
            reduce(x, chosen, bool(call.integer("keepdims", 1))) if x.dim() else reduce(x[None], (0,), False)
        )

    return compute


def _product(x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(dim=axis, keepdim=keepdim)
    return x


_REDUCTIONS: Final[dict[str, Reduce]] = {
    "ReduceSum": lambda x, axes, keepdim: x.sum(dim=axes, keepdim=keepdim),
    "ReduceMean": lambda x, axes, keepdim: x.mean(dim=axes, keepdim=keepdim),
    "ReduceMax": lambda x, axes, keepdim: x.amax(dim=axes, keepdim=keepdim),
    "ReduceMin": lambda x, axes, keepdim: x.amin(dim=axes, keepdim=keepdim),
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keepdim: x.abs().sum(dim=axes, keepdim=keepdim),
    "ReduceL2": lambda x, axes, keepdim: (x**2).sum(dim=axes, keepdim=keepdim).sqrt(),
    "ReduceSumSquare": lambda x, axes, keepdim: (x**2).sum(dim=axes, keepdim=keepdim),
    "ReduceLogSum": lambda x, axes, keepdim: x.sum(dim=axes, keepdim=keepdim).log(),
    "ReduceLogSumExp": lambda x, axes, keepdim: torch.logsumexp(x, dim=axes, keepdim=keepdim),
}

OPERATORS: Final = tuple(
    OnnxOperator(name=name, compute=_along(reduce)) for name, reduce in _REDUCTIONS.items()
)
