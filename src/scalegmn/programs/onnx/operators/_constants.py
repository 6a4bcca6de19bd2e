"""Numbers that are there before the network runs: fixed ones, shapes, and kinds of numbers."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

KINDS: Final = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
"""By the numbers that ONNX gives to them."""


def _constant(call: OnnxCall) -> Tensor:
    if call.kind("value") == "tensor":
        return call.tensor_of("value")
    for name, dtype in _VALUES.items():
        if call.has(name):
            value: Any = call.setting(name)
            return torch.tensor(value, dtype=dtype)
    raise call.unsupported("holds no numbers", "numbers or a tensor")


_VALUES: Final = {
    "value_float": torch.float32,
    "value_floats": torch.float32,
    "value_int": torch.int64,
    "value_ints": torch.int64,
}


def _constant_of_shape(call: OnnxCall) -> Tensor:
    value = call.tensor_of("value").reshape(()) if call.has("value") else torch.zeros(())
    return value.expand(call.ints(0))


def _shape(call: OnnxCall) -> Tensor:
    sizes = list(call.tensor().shape)
    return torch.tensor(
        sizes[slice(call.integer("start", 0), call.integer("end", len(sizes)))], dtype=torch.int64
    )


def _size(call: OnnxCall) -> Tensor:
    return torch.tensor(call.tensor().numel(), dtype=torch.int64)


def _range(call: OnnxCall) -> Tensor:
    start, limit, step = (call.numbers(index).reshape(-1)[0].item() for index in range(3))
    return torch.arange(start, limit, step, dtype=call.tensor().dtype)


def _cast(call: OnnxCall) -> Tensor:
    kind = KINDS.get(call.integer("to", 0))
    if kind is None:
        raise call.unsupported(f"casts to the kind {call.integer('to', 0)} of ONNX", "plain numbers")
    return call.tensor().to(kind)


def _cast_like(call: OnnxCall) -> Tensor:
    return call.tensor(0).to(call.tensor(1).dtype)


OPERATORS: Final = (
    OnnxOperator(name="Constant", compute=_constant),
    OnnxOperator(name="ConstantOfShape", compute=_constant_of_shape),
    OnnxOperator(name="Shape", compute=_shape),
    OnnxOperator(name="Size", compute=_size),
    OnnxOperator(name="Range", compute=_range, settings=(0, 1, 2)),
    OnnxOperator(name="Cast", compute=_cast),
    OnnxOperator(name="CastLike", compute=_cast_like),
)
