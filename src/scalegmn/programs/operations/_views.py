"""Entries put elsewhere, left out or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import Algebra, Argument, HasShape, Instruction

from ._operation import Operation, Shape

L = TypeVar("L", bound=HasShape)


@final
class View(Operation):
    """Any rearrangement of entries that the operator itself can do to integers, with one output.

    Args:
        name: in the registry.
        sized: whether its literals may be sizes of axes, and not only their numbers.
    """

    def __init__(self, name: str, *, sized: bool) -> None:
        super().__init__(name)
        self._sized = sized

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        return None if self._sized else arguments

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, *rest = arguments
        return (algebra.view(x, lambda entries: self.run(entries, *rest)[0]),)


@final
class Reshape(Operation):
    """The same entries in another shape, wherever they lie in memory."""

    def run(self, *arguments: Any) -> tuple[Tensor, ...]:
        x, shape = arguments
        return (x.reshape(list(shape)),)

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        x, shape = arguments
        sizes = [size for size in shape if isinstance(size, int)] if isinstance(shape, tuple) else []
        found = reshaped(before, sizes, after)
        return None if found is None else (x, found)

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        shape = instruction.outputs[0].shape
        return (algebra.view(arguments[0], lambda entries: entries.reshape(shape)),)


@final
class Restriding(Operation):
    """The same entries at the same places, under other strides of axes of size 1."""

    def run(self, *arguments: Any) -> tuple[Tensor, ...]:
        x, shape, strides, *_ = arguments
        _check_strides(tuple(x.shape), shape, strides, "the network")
        return (x,)

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, shape, strides, *_ = arguments
        _check_strides(tuple(x.shape), shape, strides, instruction.module)
        return (x,)


def _check_strides(given: Sequence[int], shape: Sequence[int], strides: Sequence[int], module: str) -> None:
    step = 1
    usual: list[int] = []
    for size in reversed(shape):
        usual.insert(0, step)
        step *= size
    strided = zip(shape, strides, usual, strict=True)
    if tuple(given) != tuple(shape) or any(n > 1 and stride != step for n, stride, step in strided):
        raise UnsupportedOperationError(
            f"as_strided in {module or 'the network itself'} reads memory of shape {tuple(given)} as "
            f"{tuple(shape)} with strides {tuple(strides)}, expected entries that stay where they are; write "
            "it with reshape, permute or unfold"
        )


def reshaped(before: Sequence[int], target: Sequence[int], after: Sequence[int]) -> tuple[int, ...] | None:
    """What a new shape becomes when the old one changes: axes that are merged, split off by 1, or kept.

    Args:
        before: the old shape.
        target: what it is brought to.
        after: another old shape, with as many axes.

    Returns:
        The shape that goes with `after`; None where an axis that changes is split, or had size 1.
    """
    left = [(old, new) for old, new in zip(before, after, strict=True) if (old, new) != (1, 1)]
    if any(old == 1 for old, _ in left) or prod(before) != prod(target):
        return None
    found: list[int] = []
    for size in target:
        old = new = 1
        # An axis of the target is a run of old ones; where it is less than one, nothing may change.
        while old < size and left and size % (old * left[0][0]) == 0:
            first = left.pop(0)
            old, new = old * first[0], new * first[1]
        if old != size:
            if not left or left[0][0] != left[0][1]:
                return None
            rest = left.pop(0)[0]
            if old != 1 or rest % size:
                return None
            left.insert(0, (rest // size, rest // size))
            new = size
        found.append(new)
    return tuple(found)


_SHAPES: Final = ("view.default", "reshape.default", "_unsafe_view.default")
_MOVES: Final = (
    "permute.default",
    "squeeze.dim",
    "squeeze.dims",
    "squeeze.default",
    "t.default",
    "transpose.int",
    "unsqueeze.default",
    "flip.default",
)
_SIZED: Final = (
    "expand.default",
    "select.int",
    "slice.Tensor",
    "roll.default",
    "repeat.default",
    "unfold.default",
    "diagonal.default",
)

OPERATIONS: Final = (
    *(Reshape(f"aten.{name}") for name in _SHAPES),
    *(View(f"aten.{name}", sized=False) for name in _MOVES),
    *(View(f"aten.{name}", sized=True) for name in _SIZED),
    Restriding("aten.as_strided.default"),
)
