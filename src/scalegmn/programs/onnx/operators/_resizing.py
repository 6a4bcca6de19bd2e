"""Maps in another size: each axis by itself, as entries that are chosen or mixed with fixed weights."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

_CEILED: Final = "round_prefer_ceil"
_PLACES: Final = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
_NEAREST: Final = ("round_prefer_floor", _CEILED, "floor", "ceil")


def _resize(call: OnnxCall) -> Tensor:
    x, mode = call.tensor(), call.text("mode", "nearest")
    call.only("mode", "nearest", "linear", default="nearest")
    call.only("coordinate_transformation_mode", *_PLACES, default=_PLACES[0])
    call.only("nearest_mode", *_NEAREST, default=_NEAREST[0])
    call.only("antialias", 0, default=0)
    call.only("exclude_outside", 0, default=0)
    call.only("keep_aspect_ratio_policy", "stretch", default="stretch")
    axes = [axis % x.dim() for axis in (call.integers("axes") or range(x.dim()))]
    # Version 10 has neither the region nor sizes.
    scales_at, sizes_at = (1, 2) if call.opset < 11 else (2, 3)
    sizes = call.ints(sizes_at) if call.opset >= 11 and call.given(sizes_at) else []
    scales = [] if sizes else [float(one) for one in call.numbers(scales_at).reshape(-1)]
    if len(sizes or scales) != len(axes):
        raise call.refusal(f"has {len(sizes or scales)} sizes or scales", f"{len(axes)}", "export it again")
    way = "asymmetric" if call.opset < 11 else call.text("coordinate_transformation_mode", _PLACES[0])
    nearest = "floor" if call.opset < 11 else call.text("nearest_mode", _NEAREST[0])
    for number, axis in enumerate(axes):
        old = x.shape[axis]
        scale = scales[number] if scales else sizes[number] / old
        new = sizes[number] if sizes else math.floor(old * scale)
        if new != old or scale != 1.0:
            places = [_place(way, one, old=old, new=new, scale=scale) for one in range(new)]
            x = _chosen(x, axis, places, nearest) if mode == "nearest" else _mixed(x, axis, places)
    return x


def _upsample(call: OnnxCall) -> Tensor:
    x, mode = call.tensor(), call.text("mode", "nearest")
    call.only("mode", "nearest", "linear", default="nearest")
    scales = call.numbers(1).reshape(-1).tolist() if call.given(1) else list(call.setting("scales"))
    for axis, scale in enumerate(scales):
        old = x.shape[axis]
        places = [one / scale for one in range(math.floor(old * scale))]
        if scale != 1.0:
            x = _chosen(x, axis, places, "floor") if mode == "nearest" else _mixed(x, axis, places)
    return x


def _place(way: str, one: int, *, old: int, new: int, scale: float) -> float:
    """Where an entry of the new axis lies on the old one."""
    if way == "asymmetric":
        return one / scale
    if way == "align_corners":
        return one * (old - 1) / (new - 1) if new > 1 else 0.0
    if way == "pytorch_half_pixel" and new == 1:
        return 0.0
    return (one + 0.5) / scale - 0.5


def _chosen(x: Tensor, axis: int, places: list[float], mode: str) -> Tensor:
    numbers = [min(max(_rounded(place, mode), 0), x.shape[axis] - 1) for place in places]
    return x.index_select(axis, torch.tensor(numbers, dtype=torch.int64))


def _rounded(place: float, mode: str) -> int:
    if mode == "floor":
        return math.floor(place)
    if mode == "ceil":
        return math.ceil(place)
    return math.floor(place + 0.5) if mode == _CEILED else math.ceil(place - 0.5)


def _mixed(x: Tensor, axis: int, places: list[float]) -> Tensor:
    last = x.shape[axis] - 1
    # Lists of Python, since each step on tensors would be traced.
    weights = [[0.0] * len(places) for _ in range(last + 1)]
    for number, place in enumerate(places):
        place = min(max(place, 0.0), float(last))
        low = min(math.floor(place), last)
        weights[low][number] += 1 - (place - low)
        weights[min(low + 1, last)][number] += place - low
    return torch.matmul(x.movedim(axis, -1), torch.tensor(weights, dtype=x.dtype)).movedim(-1, axis)


OPERATORS: Final = (
    OnnxOperator(name="Resize", compute=_resize, settings=(1, 2, 3)),
    OnnxOperator(name="Upsample", compute=_upsample, settings=(1,)),
)
