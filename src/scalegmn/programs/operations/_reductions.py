"""Symmetric functions of all entries along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import LINEAR, RELU, Algebra, Behavior, HasShape, Instruction

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


OPERATIONS: Final = (
    Reduction("aten.sum.dim_IntList", LINEAR),
    Reduction("aten.sum.default", LINEAR),
    Reduction("aten.mean.dim", LINEAR),
    Reduction("aten.mean.default", LINEAR),
    Reduction("aten.amax.default", RELU),
    Reduction("aten.amin.default", RELU),
)
