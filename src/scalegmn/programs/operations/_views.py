"""Entries put elsewhere, left out or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class View(Operation):
    """Any rearrangement of entries that the operator itself can do to integers, with one output."""

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


_SHAPES: Final = ("view.default", "reshape.default", "_unsafe_view.default")
_MOVES: Final = (
    "expand.default",
    "permute.default",
    "select.int",
    "slice.Tensor",
    "squeeze.dim",
    "squeeze.dims",
    "squeeze.default",
    "t.default",
    "transpose.int",
    "unsqueeze.default",
    "flip.default",
    "roll.default",
    "repeat.default",
    "unfold.default",
    "diagonal.default",
)

OPERATIONS: Final = (
    *(Reshape(f"aten.{name}") for name in _SHAPES),
    *(View(f"aten.{name}") for name in _MOVES),
    Restriding("aten.as_strided.default"),
)
