"""Functions that depend on the order of entries."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import LINEAR, OPAQUE, RELU, Algebra, Behavior, HasShape, Instruction

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
        x = algebra.ordered(x, axes=axes, behavior=_PLACE)
        return (algebra.reduce(x, axes=axes, keepdim=bool(keepdim), behavior=_PLACE),)


@final
class Sorting(Operation):
    """Entries along an axis by size, and where each of them was: the places depend on the order.

    Args:
        name: in the registry.
        axis: place of the axis among the arguments.
    """

    def __init__(self, name: str, *, axis: int) -> None:
        super().__init__(name)
        self._axis = axis

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, axis, shape = arguments[0], arguments[self._axis], instruction.outputs[0].shape
        if not x.shape:
            return x, algebra.apply(x, _PLACE)
        x = algebra.ordered(x, axes=(axis,), behavior=RELU)
        kept = len(shape) == len(x.shape)
        value = algebra.reduce(x, axes=(axis,), keepdim=kept, behavior=LINEAR)
        if kept:
            value = algebra.ordered(
                algebra.view(value, lambda t: t.expand(shape)), axes=(axis,), behavior=LINEAR
            )
        return value, algebra.apply(value, _PLACE)


@final
class RunningExtreme(Operation):
    """The largest or smallest entry so far, and where it is."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x = algebra.ordered(arguments[0], axes=(arguments[1],), behavior=RELU)
        return x, algebra.apply(x, _PLACE)


@final
class Bucket(Operation):
    """Between which boundaries a number lies."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, boundaries = arguments[:2]
        algebra.ordered(boundaries, axes=(0,), behavior=OPAQUE)
        return (algebra.apply(x, OPAQUE),)


_PLACE: Final = Behavior(degree=Fraction(0))
# Of the largest entry: a positive factor of all does not move it.

OPERATIONS: Final = (
    Cumulative("aten.cumsum.default", LINEAR),
    Cumulative("aten.cumprod.default", OPAQUE),
    Cumulative("aten.logcumsumexp.default", OPAQUE),
    RunningExtreme("aten.cummax.default"),
    RunningExtreme("aten.cummin.default"),
    Sorting("aten.sort.default", axis=1),
    Sorting("aten.sort.stable", axis=2),
    Sorting("aten.topk.default", axis=2),
    Sorting("aten.kthvalue.default", axis=2),
    Sorting("aten.median.dim", axis=1),
    Sorting("aten.mode.default", axis=1),
    Bucket("aten.bucketize.Tensor"),
    PlaceOfExtreme("aten.argmax.default"),
    PlaceOfExtreme("aten.argmin.default"),
)
