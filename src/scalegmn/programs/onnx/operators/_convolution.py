"""Convolutions."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator
from ._windows import Windows, windows_of


def _convolution(call: OnnxCall) -> Tensor:
    x, weight, bias = call.tensor(0), call.tensor(1), call.optional(2)
    windows = windows_of(call, x, tuple(weight.shape[2:]))
    padding = windows.before if windows.even else (0,) * windows.rank
    x = x if windows.even else windows.padded(x, 0.0)
    return torch.convolution(
        x,
        weight,
        bias,
        windows.strides,
        padding,
        windows.gaps,
        False,
        (0,) * windows.rank,
        call.integer("group", 1),
    )


def _transposed(call: OnnxCall) -> Tensor:
    x, weight, bias = call.tensor(0), call.tensor(1), call.optional(2)
    # Padding of the map itself means nothing here: what is said is taken off the outcome.
    rank = x.dim() - 2
    named = call.text("auto_pad", "NOTSET")
    call.only("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", default="NOTSET")
    windows = windows_of(call, x, tuple(weight.shape[2:]))
    beyond = tuple(call.integers("output_padding") or (0,) * rank)
    before, after = _cuts(call, x, windows, beyond, named)
    even = before == after
    y = torch.convolution(
        x,
        weight,
        bias,
        windows.strides,
        before if even else (0,) * rank,
        windows.gaps,
        True,
        beyond,
        call.integer("group", 1),
    )
    if even:
        return y
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        y = y.narrow(axis + 2, low, y.shape[axis + 2] - low - high)
    return y


def _cuts(
    call: OnnxCall, x: Tensor, windows: Windows, beyond: tuple[int, ...], named: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is taken off in front and behind."""
    wanted = call.integers("output_shape")
    if wanted is None and named in ("NOTSET", "VALID"):
        return windows.before, windows.after
    full = [
        stride * (size - 1) + more + gap * (window - 1) + 1
        for size, stride, more, gap, window in zip(
            x.shape[2:], windows.strides, beyond, windows.gaps, windows.sizes, strict=True
        )
    ]
    if wanted is None:
        wanted = [size * stride for size, stride in zip(x.shape[2:], windows.strides, strict=True)]
    totals = [size - given for size, given in zip(full, wanted[-windows.rank :], strict=True)]
    if min(totals) < 0:
        raise call.unsupported(f"has output_shape={wanted}", f"at most {full}")
    less, more = tuple(total // 2 for total in totals), tuple(total - total // 2 for total in totals)
    return (less, more) if named == "SAME_UPPER" else (more, less)


def _channels_as_squares(call: OnnxCall) -> Tensor:
    """Channels as squares of pixels."""
    x, size = call.tensor(), call.integer("blocksize", 1)
    call.only("mode", "DCR", "CRD", default="DCR")
    batch, channels, height, width = x.shape
    inner = channels // (size * size)
    if call.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, size)
    parts = x.reshape(batch, size, size, inner, height, width).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(batch, inner, height * size, width * size)


def _squares_as_channels(call: OnnxCall) -> Tensor:
    x, size = call.tensor(), call.integer("blocksize", 1)
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels, height // size, size, width // size, size).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(batch, channels * size * size, height // size, width // size)


OPERATORS: Final = (
    OnnxOperator(name="Conv", compute=_convolution, weights=(1, 2)),
    OnnxOperator(name="ConvTranspose", compute=_transposed, weights=(1, 2)),
    OnnxOperator(name="DepthToSpace", compute=_channels_as_squares),
    OnnxOperator(name="SpaceToDepth", compute=_squares_as_channels),
)
