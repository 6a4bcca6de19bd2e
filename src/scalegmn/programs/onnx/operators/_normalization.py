"""Norms."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

_EPS: Final = 1e-5


def _batch(call: OnnxCall) -> Tensor:
    if call.integer("training_mode", 0):
        raise call.unsupported("is in training mode", "inference")
    if not call.integer("spatial", 1):
        raise call.unsupported("has spatial=0", "statistics for each channel")
    x, gain, bias, mean, variance = (call.tensor(index) for index in range(5))
    return F.batch_norm(x, mean, variance, gain, bias, False, 0.0, call.real("epsilon", _EPS))


def _instance(call: OnnxCall) -> Tensor:
    x, gain, bias = (call.tensor(index) for index in range(3))
    return F.instance_norm(x, weight=gain, bias=bias, eps=call.real("epsilon", _EPS))


def _group(call: OnnxCall) -> Tensor:
    x, gain, bias = (call.tensor(index) for index in range(3))
    groups, eps = call.integer("num_groups", 1), call.real("epsilon", _EPS)
    if gain.shape[0] == x.shape[1]:
        return F.group_norm(x, groups, gain, bias, eps)
    # Older versions have one number for each group.
    size = x.shape[1] // groups
    gain, bias = (one.reshape(groups, 1).expand(groups, size).reshape(-1) for one in (gain, bias))
    return F.group_norm(x, groups, gain, bias, eps)


def _layer(call: OnnxCall) -> Tensor:
    x, gain, bias = call.tensor(0), call.tensor(1), call.optional(2)
    shape, eps = _normalized(call, x), call.real("epsilon", _EPS)
    if tuple(gain.shape) == shape and (bias is None or tuple(bias.shape) == shape):
        return F.layer_norm(x, shape, gain, bias, eps)
    y = F.layer_norm(x, shape, None, None, eps) * gain
    return y if bias is None else y + bias


def _root_mean_square(call: OnnxCall) -> Tensor:
    x, gain = call.tensor(0), call.tensor(1)
    axes = tuple(range(-len(_normalized(call, x)), 0))
    mean = (x**2).mean(dim=axes, keepdim=True)
    return x * torch.rsqrt(mean + call.real("epsilon", _EPS)) * gain


def _normalized(call: OnnxCall, x: Tensor) -> tuple[int, ...]:
    return tuple(x.shape[call.axis(x.dim(), -1) :])


def _lp(call: OnnxCall) -> Tensor:
    x, order = call.tensor(), call.integer("p", 2)
    return x / torch.linalg.vector_norm(x, ord=order, dim=call.axis(x.dim(), -1), keepdim=True)


def _local_response(call: OnnxCall) -> Tensor:
    size = call.integer("size", 1)
    if size % 2 == 0:
        raise call.unsupported(f"has size={size}", "an odd number of channels")
    alpha, beta, bias = call.real("alpha", 1e-4), call.real("beta", 0.75), call.real("bias", 1.0)
    return F.local_response_norm(call.tensor(), size, alpha, beta, bias)


OPERATORS: Final = (
    OnnxOperator(name="BatchNormalization", compute=_batch, weights=(1, 2), statistics=(3, 4)),
    OnnxOperator(name="InstanceNormalization", compute=_instance, weights=(1, 2)),
    OnnxOperator(name="GroupNormalization", compute=_group, weights=(1, 2)),
    OnnxOperator(name="LayerNormalization", compute=_layer, weights=(1, 2)),
    OnnxOperator(name="RMSNormalization", compute=_root_mean_square, weights=(1,)),
    OnnxOperator(name="LpNormalization", compute=_lp),
    OnnxOperator(name="LRN", compute=_local_response),
)
