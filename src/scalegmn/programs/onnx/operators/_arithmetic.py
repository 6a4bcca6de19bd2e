"""Sums, products, powers and comparisons of two values or more."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator


def _both(function: Callable[[Any, Any], Tensor]) -> Callable[[OnnxCall], Tensor]:
    def compute(call: OnnxCall) -> Tensor:
        return function(call.operand(0), call.operand(1))

    return compute


def _tensors(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[OnnxCall], Tensor]:
    def compute(call: OnnxCall) -> Tensor:
        return function(call.tensor(0), call.tensor(1))

    return compute


def _quotient(call: OnnxCall) -> Tensor:
    x, y = call.operand(0), call.operand(1)
    # Integers are divided without a remainder.
    return x / y if call.tensor(0).is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _remainder(call: OnnxCall) -> Tensor:
    x, y = call.tensor(0), call.tensor(1)
    return torch.fmod(x, y) if call.integer("fmod", 0) else torch.remainder(x, y)


def _power(call: OnnxCall) -> Tensor:
    # Powers are of the kind of what is raised, and known exponents stand in the program as numbers.
    return torch.pow(call.operand(0), call.operand(1)).to(call.tensor(0).dtype)


def _extreme(bound: Callable[..., Tensor], join: Callable[..., Tensor]) -> Callable[[OnnxCall], Tensor]:
    """The largest or smallest of all inputs; numbers that are known are bounds."""

    def compute(call: OnnxCall) -> Tensor:
        operands = [call.operand(index) for index in range(len(call.tensors))]
        numbers = [one for one in operands if not isinstance(one, Tensor)]
        y = functools.reduce(join, [one for one in operands if isinstance(one, Tensor)])
        for number in numbers:
            y = bound(y, number)
        return y

    return compute


def _sum(call: OnnxCall) -> Tensor:
    found: Tensor = functools.reduce(
        operator.add, (call.operand(index) for index in range(len(call.tensors)))
    )
    return found


def _mean(call: OnnxCall) -> Tensor:
    return _sum(call) / len(call.tensors)


def _choice(call: OnnxCall) -> Tensor:
    condition, x, y = call.tensor(0), call.operand(1), call.operand(2)
    x = x if isinstance(x, Tensor) or isinstance(y, Tensor) else call.tensor(1)
    return torch.where(condition, x, y)


def _is_infinite(call: OnnxCall) -> Tensor:
    call.only("detect_negative", 1, default=1)
    call.only("detect_positive", 1, default=1)
    return torch.isinf(call.tensor())


OPERATORS: Final = (
    OnnxOperator(name="Add", compute=_both(operator.add)),
    OnnxOperator(name="Sub", compute=_both(operator.sub)),
    OnnxOperator(name="Mul", compute=_both(operator.mul)),
    OnnxOperator(name="Div", compute=_quotient),
    OnnxOperator(name="Mod", compute=_remainder),
    OnnxOperator(name="Pow", compute=_power),
    OnnxOperator(name="Max", compute=_extreme(torch.clamp_min, torch.maximum)),
    OnnxOperator(name="Min", compute=_extreme(torch.clamp_max, torch.minimum)),
    OnnxOperator(name="Sum", compute=_sum),
    OnnxOperator(name="Mean", compute=_mean),
    OnnxOperator(name="Where", compute=_choice),
    OnnxOperator(name="Equal", compute=_both(operator.eq)),
    OnnxOperator(name="Greater", compute=_both(operator.gt)),
    OnnxOperator(name="GreaterOrEqual", compute=_both(operator.ge)),
    OnnxOperator(name="Less", compute=_both(operator.lt)),
    OnnxOperator(name="LessOrEqual", compute=_both(operator.le)),
    OnnxOperator(name="And", compute=_tensors(torch.logical_and)),
    OnnxOperator(name="Or", compute=_tensors(torch.logical_or)),
    OnnxOperator(name="Xor", compute=_tensors(torch.logical_xor)),
    OnnxOperator(name="IsInf", compute=_is_infinite),
)
