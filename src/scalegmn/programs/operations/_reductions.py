"""Symmetric functions of all entries along axes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any, Final, TypeVar, final

from scalegmn.programs import (
    ABSOLUTE,
    LINEAR,
    RELU,
    Algebra,
    Behavior,
    HasShape,
    Instruction,
    Parity,
    power,
)

from ._operation import AnyWidth, Operation

L = TypeVar("L", bound=HasShape)


@final
class Reduction(AnyWidth):
    """Sum, mean or maximum along some axes.

    Args:
        name: in the registry.
        behavior: when all entries are scaled or flipped together.
    """

    def __init__(self, name: str, behavior: Behavior) -> None:
        super().__init__(name)
        self._behavior = behavior

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axes, keepdim = (*arguments, None, False)[:3]
        # An operator without axes may have a kind of numbers as its second argument.
        axes = None if isinstance(axes, str) else axes
        return (algebra.reduce(x, axes=_all_axes(axes, x), keepdim=bool(keepdim), behavior=self._behavior),)


@final
class VectorNorm(Operation):
    """``(sum |x|^p)^(1/p)`` along some axes; for ``p = 0`` the number of entries that are not 0."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, order, axes, keepdim = arguments[:4]
        x = algebra.apply(x, _IS_ANY if order == 0 else ABSOLUTE)
        return (algebra.reduce(x, axes=_all_axes(axes, x), keepdim=bool(keepdim), behavior=LINEAR),)


@final
class Variance(Operation):
    """The mean of ``(x - mean)^2`` along some axes, and the mean where the operator returns it too.

    Args:
        name: in the registry.
        with_mean: whether it does.
    """

    def __init__(self, name: str, *, with_mean: bool = False) -> None:
        super().__init__(name)
        self._with_mean = with_mean

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axes, _, keepdim = arguments
        axes = _all_axes(axes, x)
        variance = algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=power(Fraction(2)))
        if not self._with_mean:
            return (variance,)
        return variance, algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=LINEAR)


@final
class ProductOfEntries(Operation):
    """The product of all entries along an axis, or of all: of as high a degree as there are entries."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axis, keepdim = (*arguments, None, False)[:3]
        axes = _all_axes(axis if isinstance(axis, int) else None, x)
        count = prod(x.shape[a] for a in axes)
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=power(Fraction(count))),)


def _all_axes(axes: int | Sequence[int] | None, x: HasShape) -> tuple[int, ...]:
    """The axes that an operator reduces: all of them where none is named."""
    if isinstance(axes, int):
        return (axes,)
    return tuple(axes) if axes else tuple(range(len(x.shape)))


_IS_ANY: Final = Behavior(degree=Fraction(0), parity=Parity.even)
# Of every number but 0.


OPERATIONS: Final = (
    Reduction("aten.max.dim", RELU),
    Reduction("aten.min.dim", RELU),
    Reduction("aten.max.default", RELU),
    Reduction("aten.min.default", RELU),
    VectorNorm("aten.linalg_vector_norm.default"),
    Variance("aten.var.correction"),
    Variance("aten.var_mean.correction", with_mean=True),
    ProductOfEntries("aten.prod.dim_int"),
    ProductOfEntries("aten.prod.default"),
    Reduction("aten.sum.dim_IntList", LINEAR),
    Reduction("aten.sum.default", LINEAR),
    Reduction("aten.mean.dim", LINEAR),
    Reduction("aten.mean.default", LINEAR),
    Reduction("aten.amax.default", RELU),
    Reduction("aten.amin.default", RELU),
)
