"""All kinds of operations, by name."""

from __future__ import annotations

from typing import Final

from scalegmn.errors import UnsupportedOperationError
from scalegmn.registry import Registry

from . import (
    _choice,
    _clamping,
    _comparison,
    _complex,
    _conversion,
    _convolution,
    _distance,
    _embedding_bag,
    _filling,
    _joining,
    _lookup,
    _matrix_products,
    _normalization,
    _order,
    _overwriting,
    _padding,
    _pointwise,
    _pooling,
    _powers,
    _products,
    _reductions,
    _resizing,
    _scattering,
    _softmax,
    _sums,
    _trilinear,
    _views,
)
from ._operation import Operation

_KINDS = (
    _choice,
    _clamping,
    _comparison,
    _complex,
    _conversion,
    _convolution,
    _distance,
    _embedding_bag,
    _filling,
    _joining,
    _lookup,
    _matrix_products,
    _normalization,
    _order,
    _overwriting,
    _padding,
    _pointwise,
    _pooling,
    _powers,
    _products,
    _reductions,
    _resizing,
    _scattering,
    _softmax,
    _sums,
    _trilinear,
    _views,
)

OPERATIONS: Final[Registry[Operation]] = Registry(
    "operation",
    entries={operation.name: operation for kind in _KINDS for operation in kind.OPERATIONS},
    remedy="register it with register_operation",
    error=UnsupportedOperationError,
)
"""All kinds of operations, by name: the only ones that a program may hold."""


def register_operation(operation: Operation) -> None:
    """Add a kind of operation.

    Args:
        operation: says what it is made of.

    Raises:
        UnsupportedOperationError: another one has its name.
    """
    OPERATIONS.register(operation.name, operation)
