"""All operators of ONNX that are known, by name."""

from __future__ import annotations

from typing import Final

from scalegmn.errors import UnsupportedOperationError
from scalegmn.registry import Registry

from . import (
    _arithmetic,
    _constants,
    _convolution,
    _lookup,
    _matrix_products,
    _normalization,
    _pointwise,
    _pooling,
    _recurrent,
    _reductions,
    _resizing,
    _shaping,
)
from ._operator import OnnxOperator

_FAMILIES = (
    _arithmetic,
    _constants,
    _convolution,
    _lookup,
    _matrix_products,
    _normalization,
    _pointwise,
    _pooling,
    _recurrent,
    _reductions,
    _resizing,
    _shaping,
)

ONNX_OPERATORS: Final[Registry[OnnxOperator]] = Registry(
    "operator of ONNX",
    entries={operator.name: operator for family in _FAMILIES for operator in family.OPERATORS},
    remedy="register it with ONNX_OPERATORS.register",
    error=UnsupportedOperationError,
)
"""All operators that are known; packages add theirs with ``register(name, operator)``."""
