"""Symmetric functions of all entries along axes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import ABSOLUTE, LINEAR, RELU, Algebra, Behavior, HasShape, Instruction, power

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Reduction(Operation):
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
        axes = tuple(range(len(x.shape))) if axes is None or axes == () else axes
        axes = (axes,) if isinstance(axes, int) else axes
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=self._behavior),)


@final
class VectorNorm(Operation):
    """``(sum |x|^p)^(1/p)`` along some axes."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, _, axes, keepdim = arguments[:4]
        axes = tuple(range(len(x.shape))) if axes is None or axes == () else axes
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=ABSOLUTE),)


@final
class Variance(Operation):
    """The mean of ``(x - mean)^2`` along some axes."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axes, _, keepdim = arguments
        axes = tuple(range(len(x.shape))) if axes is None or axes == () else axes
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=power(Fraction(2))),)


OPERATIONS: Final = (
    Reduction("aten.max.dim", RELU),
    Reduction("aten.min.dim", RELU),
    Reduction("aten.max.default", RELU),
    Reduction("aten.min.default", RELU),
    VectorNorm("aten.linalg_vector_norm.default"),
    Variance("aten.var.correction"),
    Reduction("aten.sum.dim_IntList", LINEAR),
    Reduction("aten.sum.default", LINEAR),
    Reduction("aten.mean.dim", LINEAR),
    Reduction("aten.mean.default", LINEAR),
    Reduction("aten.amax.default", RELU),
    Reduction("aten.amin.default", RELU),
)
