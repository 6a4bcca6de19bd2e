"""Functions of one number, entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

_LARGEST: Final = 3.4028234e38
"""What older files have as a bound where there is none."""


def _entrywise(function: Callable[[Tensor], Tensor]) -> Callable[[OnnxCall], Tensor]:
    def compute(call: OnnxCall) -> Tensor:
        return function(call.tensor())

    return compute


def _clip(call: OnnxCall) -> Tensor:
    low, high = call.number(1, None), call.number(2, None)
    if len(call.tensors) == 1:
        low, high = call.real("min", -_LARGEST), call.real("max", _LARGEST)
    low = None if low is None or low <= -_LARGEST else low
    high = None if high is None or high >= _LARGEST else high
    x = call.tensor()
    return x if low is None and high is None else torch.clamp(x, _whole(low, x), _whole(high, x))


def _whole(bound: float | None, x: Tensor) -> Any:
    return bound if bound is None or x.is_floating_point() else int(bound)


def _leaky(call: OnnxCall) -> Tensor:
    return F.leaky_relu(call.tensor(), call.real("alpha", 0.01))


def _parametric(call: OnnxCall) -> Tensor:
    """Slopes broadcast as in all operators, not along the channels."""
    x, slope = call.tensor(0), call.tensor(1)
    return torch.where(x < 0, slope * x, x)


def _elu(call: OnnxCall) -> Tensor:
    return F.elu(call.tensor(), call.real("alpha", 1.0))


def _celu(call: OnnxCall) -> Tensor:
    return F.celu(call.tensor(), call.real("alpha", 1.0))


def _selu(call: OnnxCall) -> Tensor:
    gamma = call.real("gamma", 1.05070102214813232421875)
    return F.elu(call.tensor(), call.real("alpha", 1.67326319217681884765625)) * gamma


def _gelu(call: OnnxCall) -> Tensor:
    call.only("approximate", "none", "tanh", default="none")
    return F.gelu(call.tensor(), approximate=call.text("approximate", "none"))


def _hard_sigmoid(call: OnnxCall) -> Tensor:
    return torch.clamp(call.tensor() * call.real("alpha", 0.2) + call.real("beta", 0.5), 0.0, 1.0)


def _swish(call: OnnxCall) -> Tensor:
    x, alpha = call.tensor(), call.real("alpha", 1.0)
    return F.silu(x) if alpha == 1.0 else x * torch.sigmoid(x * alpha)


def _thresholded(call: OnnxCall) -> Tensor:
    x = call.tensor()
    return torch.where(x > call.real("alpha", 1.0), x, 0.0)


def _shrink(call: OnnxCall) -> Tensor:
    x, bias, bound = call.tensor(), call.real("bias", 0.0), call.real("lambd", 0.5)
    return torch.where(x < -bound, x + bias, torch.where(x > bound, x - bias, 0.0))


def _softmax(call: OnnxCall) -> Tensor:
    return _over_axis(call, torch.softmax)


def _log_softmax(call: OnnxCall) -> Tensor:
    return _over_axis(call, torch.log_softmax)


def _over_axis(call: OnnxCall, function: Callable[..., Tensor]) -> Tensor:
    x = call.tensor()
    if call.opset >= 13:
        return function(x, dim=call.axis(x.dim(), -1))
    # Older versions take all axes from one on together.
    axis = call.axis(x.dim(), 1)
    if axis == x.dim() - 1:
        return function(x, dim=-1)
    return function(x.flatten(axis), dim=-1).reshape(x.shape)


def _softplus(x: Tensor) -> Tensor:
    # Beyond it both forms are the same number; PyTorch's own bound of 20 differs in double precision.
    return F.softplus(x, threshold=40.0)


_FUNCTIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "HardSwish": F.hardswish,
    "IsNaN": torch.isnan,
    "Log": torch.log,
    "Mish": F.mish,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softplus": _softplus,
    "Softsign": F.softsign,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
}

OPERATORS: Final = (
    *(OnnxOperator(name=name, compute=_entrywise(function)) for name, function in _FUNCTIONS.items()),
    OnnxOperator(name="Clip", compute=_clip, settings=(1, 2)),
    OnnxOperator(name="LeakyRelu", compute=_leaky),
    OnnxOperator(name="PRelu", compute=_parametric, weights=(1,)),
    OnnxOperator(name="Elu", compute=_elu),
    OnnxOperator(name="Celu", compute=_celu),
    OnnxOperator(name="Selu", compute=_selu),
    OnnxOperator(name="Gelu", compute=_gelu),
    OnnxOperator(name="HardSigmoid", compute=_hard_sigmoid),
    OnnxOperator(name="Swish", compute=_swish),
    OnnxOperator(name="ThresholdedRelu", compute=_thresholded),
    OnnxOperator(name="Shrink", compute=_shrink),
    OnnxOperator(name="Softmax", compute=_softmax),
    OnnxOperator(name="LogSoftmax", compute=_log_softmax),
)
