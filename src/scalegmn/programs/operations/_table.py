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

    Any operator of PyTorch can be added, also one of your own (``torch.library.custom_op``): networks that
    use it are traced as all others, and a rule that is wrong is found out by ``NetworkSymmetries.check``.

    Args:
        operation: says what it is made of.

    Raises:
        UnsupportedOperationError: another one has its name.

    Example:
        The larger of each two neighbors, as an operator of a library of yours, ``mine::paired_maximum``:

        >>> from scalegmn.programs import RELU
        >>> from scalegmn.programs.operations import Operation, register_operation
        >>> class PairedMaximum(Operation):
        ...     def interpret(self, algebra, arguments, instruction):
        ...         pairs = algebra.view(arguments[0], lambda t: t.unflatten(-1, (-1, 2)))
        ...         return (algebra.reduce(pairs, axes=(-1,), keepdim=False, behavior=RELU),)
        >>> register_operation(PairedMaximum("mine.paired_maximum.default"))
    """
    OPERATIONS.register(operation.name, operation)
