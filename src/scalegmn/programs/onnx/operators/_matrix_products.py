"""Products of matrices."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

_FACTORS: Final = 16
"""Of a product by names of axes."""


def _product(call: OnnxCall) -> Tensor:
    return torch.matmul(call.tensor(0), call.tensor(1))


def _general(call: OnnxCall) -> Tensor:
    """``alpha x y + beta z``."""
    x, y, z = call.tensor(0), call.tensor(1), call.optional(2)
    if x.dim() != 2 or y.dim() != 2:
        raise call.refusal(
            f"multiplies values of {x.dim()} and {y.dim()} axes", "2 of each", "export it again"
        )
    x = x.t() if call.integer("transA", 0) else x
    y = y.t() if call.integer("transB", 0) else y
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    product = x @ y
    product = product if alpha == 1.0 else product * alpha
    if z is None:
        return product
    return product + (z if beta == 1.0 else z * beta)


def _by_names(call: OnnxCall) -> Tensor:
    equation = call.text("equation", "")
    return torch.einsum(equation, *(call.tensor(index) for index in range(len(call.tensors))))


OPERATORS: Final = (
    OnnxOperator(name="MatMul", compute=_product, weights=(0, 1)),
    OnnxOperator(name="Gemm", compute=_general, weights=(0, 1, 2)),
    OnnxOperator(name="Einsum", compute=_by_names, weights=tuple(range(_FACTORS))),
)
