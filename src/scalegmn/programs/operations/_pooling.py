"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.programs import RELU, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class MaxPool(Operation):
    """The largest entry of each window."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, size, stride, padding, dilation, _ = arguments
        rank = len(size)
        stride = stride or size
        padding, dilation = (value * rank if len(value) == 1 else value for value in (padding, dilation))
        lead = (0,) * (len(x.shape) - rank)
        x = algebra.pad(x, before=(*lead, *padding), after=(*lead, *padding), value=float("-inf"))

        def windows(t: Tensor) -> Tensor:
            for axis in range(rank):
                t = t.unfold(len(lead) + axis, dilation[axis] * (size[axis] - 1) + 1, stride[axis])
            return t

        y = algebra.reduce(
            algebra.view(x, windows), axes=tuple(range(-rank, 0)), keepdim=False, behavior=RELU
        )
        shape = instruction.outputs[0].shape
        return (algebra.view(y, lambda t: t[tuple(slice(0, n) for n in shape)]),)


OPERATIONS: Final = (MaxPool("aten.max_pool2d_with_indices.default"),)
