"""Pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator
from ._windows import Windows, windows_of

_MAXIMUM: Final[dict[int, Callable[..., Any]]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: Final[dict[int, Callable[..., Any]]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _maximum(call: OnnxCall) -> Tensor:
    x, windows = _parts(call)
    # PyTorch pads by at most half a window, and alike on both sides.
    padding = windows.before if _usual(windows) else (0,) * windows.rank
    x = x if _usual(windows) else windows.padded(x, float("-inf"))
    pooled: Tensor = _MAXIMUM[windows.rank](
        x,
        windows.sizes,
        windows.strides,
        padding,
        windows.gaps,
        ceil_mode=bool(call.integer("ceil_mode", 0)),
    )
    return pooled


def _mean(call: OnnxCall) -> Tensor:
    x, windows = _parts(call)
    if set(windows.gaps) != {1}:
        raise call.unsupported(f"has dilations={windows.gaps}", "1 for all axes")
    ceiling, counted = bool(call.integer("ceil_mode", 0)), bool(call.integer("count_include_pad", 0))
    pool = _MEAN[windows.rank]
    if _usual(windows):
        pooled: Tensor = pool(
            x, windows.sizes, windows.strides, windows.before, ceil_mode=ceiling, count_include_pad=counted
        )
        return pooled
    pooled = pool(windows.padded(x, 0.0), windows.sizes, windows.strides, ceil_mode=ceiling)
    if counted:
        return pooled
    ones = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
    share = pool(windows.padded(ones, 0.0), windows.sizes, windows.strides, ceil_mode=ceiling)
    return pooled / share


def _parts(call: OnnxCall) -> tuple[Tensor, Windows]:
    x, sizes = call.tensor(), call.integers("kernel_shape")
    if not sizes or min(sizes) < 1:
        raise call.refusal(f"has kernel_shape={sizes}", "sizes from 1", "export it again")
    return x, windows_of(call, x, tuple(sizes))


def _usual(windows: Windows) -> bool:
    """Whether the windows of PyTorch can be padded so."""
    return windows.even and all(
        2 * width <= size for width, size in zip(windows.before, windows.sizes, strict=True)
    )


def _global_mean(call: OnnxCall) -> Tensor:
    x = call.tensor()
    return x.mean(dim=tuple(range(2, x.dim())), keepdim=True)


def _global_maximum(call: OnnxCall) -> Tensor:
    x = call.tensor()
    return x.amax(dim=tuple(range(2, x.dim())), keepdim=True)


OPERATORS: Final = (
    OnnxOperator(name="MaxPool", compute=_maximum),
    OnnxOperator(name="AveragePool", compute=_mean),
    OnnxOperator(name="GlobalAveragePool", compute=_global_mean),
    OnnxOperator(name="GlobalMaxPool", compute=_global_maximum),
)
