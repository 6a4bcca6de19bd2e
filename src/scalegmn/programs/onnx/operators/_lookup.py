"""Entries that are chosen by numbers, and orders of entries."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator


def _gather(call: OnnxCall) -> Tensor:
    x, numbers = call.tensor(0), call.tensor(1)
    axis = call.axis(x.dim(), 0)
    known = call.known[1]
    if known is not None and known.ndim == 0:
        return x.select(axis, int(known))
    if axis == 0 and x.dim() == 2 and x.is_floating_point() and known is None:
        return F.embedding(numbers, x)
    return x[(slice(None),) * axis + (numbers,)]


def _gather_entries(call: OnnxCall) -> Tensor:
    x, numbers = call.tensor(0), call.tensor(1)
    axis = call.axis(x.dim(), 0)
    if call.known[1] is not None:
        numbers = torch.where(numbers < 0, numbers + x.shape[axis], numbers)
    return torch.gather(x, axis, numbers.to(torch.int64))


def _gather_places(call: OnnxCall) -> Tensor:
    call.only("batch_dims", 0, default=0)
    return call.tensor(0)[call.tensor(1).unbind(-1)]


def _largest_place(call: OnnxCall) -> Tensor:
    return _place(call, call.tensor())


def _smallest_place(call: OnnxCall) -> Tensor:
    return _place(call, -call.tensor())


def _place(call: OnnxCall, x: Tensor) -> Tensor:
    call.only("select_last_index", 0, default=0)
    return torch.argmax(x, dim=call.axis(x.dim(), 0), keepdim=bool(call.integer("keepdims", 1)))


def _largest(call: OnnxCall) -> list[Tensor]:
    x, largest = call.tensor(), bool(call.integer("largest", 1))
    values, places = torch.topk(x, call.ints(1)[0], dim=call.axis(x.dim(), -1), largest=largest, sorted=True)
    return [values, places]


def _cumulative(call: OnnxCall) -> Tensor:
    call.only("exclusive", 0, default=0)
    call.only("reverse", 0, default=0)
    return torch.cumsum(call.tensor(), dim=call.ints(1)[0])


def _one_hot(call: OnnxCall) -> Tensor:
    numbers, count, values = call.tensor(0), call.ints(1)[0], call.numbers(2).reshape(-1)
    axis = call.integer("axis", -1)
    places = torch.arange(count, dtype=numbers.dtype)
    hot = torch.eq(numbers.unsqueeze(-1), places).to(torch.float32)
    y = hot * (float(values[1]) - float(values[0])) + float(values[0])
    return y if axis == -1 else y.movedim(-1, axis)


OPERATORS: Final = (
    OnnxOperator(name="Gather", compute=_gather, weights=(0,)),
    OnnxOperator(name="GatherElements", compute=_gather_entries),
    OnnxOperator(name="GatherND", compute=_gather_places),
    OnnxOperator(name="ArgMax", compute=_largest_place),
    OnnxOperator(name="ArgMin", compute=_smallest_place),
    OnnxOperator(name="TopK", compute=_largest),
    OnnxOperator(name="CumSum", compute=_cumulative),
    OnnxOperator(name="OneHot", compute=_one_hot, settings=(1, 2)),
)
