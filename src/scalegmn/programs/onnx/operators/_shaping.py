"""Entries put elsewhere, left out or repeated."""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator


def _same(call: OnnxCall) -> Tensor:
    return call.tensor()


def _dropout(call: OnnxCall) -> Tensor:
    if call.number(2, 0.0):
        raise call.unsupported("is in training mode", "inference")
    return call.tensor()


def _reshape(call: OnnxCall) -> Tensor:
    x = call.tensor()
    shape = call.ints(1) if call.given(1) else call.integers("shape") or []
    if not call.integer("allowzero", 0):
        shape = [x.shape[axis] if size == 0 and axis < x.dim() else size for axis, size in enumerate(shape)]
    return x.reshape(shape)


def _flatten(call: OnnxCall) -> Tensor:
    x = call.tensor()
    axis = call.axis(x.dim(), 1, most=x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _transpose(call: OnnxCall) -> Tensor:
    x = call.tensor()
    return x.permute(call.integers("perm") or list(reversed(range(x.dim()))))


def _squeeze(call: OnnxCall) -> Tensor:
    x, axes = call.tensor(), call.axes(1)
    axes = [axis for axis in range(x.dim()) if x.shape[axis] == 1] if axes is None else axes
    if any(x.shape[axis] != 1 for axis in axes):
        raise call.refusal(
            f"takes the axes {axes} out of {tuple(x.shape)}", "axes of size 1", "export it again"
        )
    kept = set(range(x.dim())).difference(axis % x.dim() for axis in axes)
    return x.reshape([x.shape[axis] for axis in sorted(kept)])


def _unsqueeze(call: OnnxCall) -> Tensor:
    x = call.tensor()
    axes = call.axes(1) or []
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _expand(call: OnnxCall) -> Tensor:
    x = call.tensor()
    return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(call.ints(1))))


def _tile(call: OnnxCall) -> Tensor:
    return call.tensor().repeat(call.ints(1))


def _concatenation(call: OnnxCall) -> Tensor:
    parts = [call.tensor(index) for index in range(len(call.tensors))]
    return torch.cat(parts, dim=call.axis(parts[0].dim(), 1))


def _split(call: OnnxCall) -> list[Tensor]:
    x = call.tensor()
    axis = call.axis(x.dim(), 0)
    sizes = call.axes(1, "split")
    if sizes is None:
        count = call.integer("num_outputs", call.outputs)
        each = -(-x.shape[axis] // count)
        sizes = [each] * (count - 1) + [x.shape[axis] - each * (count - 1)]
    return list(torch.split(x, sizes, dim=axis))


def _slice(call: OnnxCall) -> Tensor:
    x = call.tensor()
    starts = call.axes(1, "starts") or []
    ends = call.axes(2, "ends") or []
    axes = call.axes(3) or list(range(len(starts)))
    steps = call.ints(4) if call.given(4) else [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x.shape[axis]
        # Python cuts bounds at the ends as ONNX does, and its last place before the first one is None.
        begin, stop, _ = slice(start, None if step < 0 and end < -size else end, step).indices(size)
        if step > 0:
            x = x[(slice(None),) * (axis % x.dim()) + (slice(begin, max(begin, stop), step),)]
            continue
        first = size - 1 - begin
        x = x.flip(axis)
        x = x[(slice(None),) * (axis % x.dim()) + (slice(first, max(first, size - 1 - stop), -step),)]
    return x


def _pad(call: OnnxCall) -> Tensor:
    x, mode = call.tensor(), call.text("mode", "constant")
    call.only("mode", "constant", "reflect", "edge", "wrap", default="constant")
    widths = call.axes(1, "pads") or []
    axes = [axis % x.dim() for axis in (call.ints(3) if call.given(3) else range(x.dim()))]
    if len(widths) != 2 * len(axes):
        raise call.refusal(f"has pads={widths}", f"{2 * len(axes)} numbers", "export it again")
    pairs = {axis: (widths[place], widths[len(axes) + place]) for place, axis in enumerate(axes)}
    padded = [axis for axis, pair in pairs.items() if any(pair)]
    if not padded:
        return x
    # The last axis comes first; only those up to the first that is padded are named.
    named = range(x.dim() - 1, min(padded) - 1, -1)
    flat = [width for axis in named for width in pairs.get(axis, (0, 0))]
    if mode == "constant":
        return F.pad(x, flat, value=call.number(2, call.real("value", 0.0)))
    return _mirrored(call, x, flat, {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}[mode])


def _mirrored(call: OnnxCall, x: Tensor, flat: list[int], mode: str) -> Tensor:
    axes = len(flat) // 2
    if axes > 3 or axes > x.dim():
        raise call.unsupported(f"pads {axes} axes of {x.dim()} with entries of the map", "at most 3")
    lead = x.shape[: x.dim() - axes]
    whole = F.pad(x.reshape(1, -1, *x.shape[x.dim() - axes :]), flat, mode=mode)
    return whole.reshape(*lead, *whole.shape[2:])


def _triangle(call: OnnxCall) -> Tensor:
    diagonal = int(call.number(1, 0))
    return (
        torch.triu(call.tensor(), diagonal)
        if call.integer("upper", 1)
        else torch.tril(call.tensor(), diagonal)
    )


OPERATORS: Final = (
    OnnxOperator(name="Identity", compute=_same),
    OnnxOperator(name="Dropout", compute=_dropout, settings=(1, 2)),
    OnnxOperator(name="Reshape", compute=_reshape),
    OnnxOperator(name="Flatten", compute=_flatten),
    OnnxOperator(name="Transpose", compute=_transpose),
    OnnxOperator(name="Squeeze", compute=_squeeze),
    OnnxOperator(name="Unsqueeze", compute=_unsqueeze),
    OnnxOperator(name="Expand", compute=_expand),
    OnnxOperator(name="Tile", compute=_tile),
    OnnxOperator(name="Concat", compute=_concatenation),
    OnnxOperator(name="Split", compute=_split),
    OnnxOperator(name="Slice", compute=_slice),
    OnnxOperator(name="Pad", compute=_pad, settings=(2,)),
    OnnxOperator(name="Trilu", compute=_triangle),
)
