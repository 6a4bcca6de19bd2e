"""Functions that depend on the order of entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import LINEAR, OPAQUE, Algebra, Behavior, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Cumulative(Operation):
    """Sums or products of all entries so far.

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
        return (algebra.ordered(arguments[0], axes=(arguments[1],), behavior=self._behavior),)


@final
class PlaceOfExtreme(Operation):
    """Where the largest or smallest entry is: what is read of it depends on the order."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axis, keepdim = (*arguments, None, False)[:3]
        axes = tuple(range(len(x.shape))) if axis is None else (axis,)
        x = algebra.ordered(x, axes=axes, behavior=OPAQUE)
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=OPAQUE),)


OPERATIONS: Final = (
    Cumulative("aten.cumsum.default", LINEAR),
    Cumulative("aten.cumprod.default", OPAQUE),
    PlaceOfExtreme("aten.argmax.default"),
    PlaceOfExtreme("aten.argmin.default"),
)
