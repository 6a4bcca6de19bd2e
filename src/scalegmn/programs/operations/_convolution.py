"""Convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Convolution(Operation):
    """``y[n, o, p] = sum_{i, t} w[o, i, t] x[n, i, s p + d t] + b[o]``, in groups of channels."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, weight, bias, stride, padding, dilation, transposed, _, groups = arguments
        if transposed:
            raise UnsupportedOperationError(
                f"the transposed convolution of {instruction.module} has no rule; register one of your own"
            )
        rank = len(stride)
        batch, channels, *_ = x.shape
        out, inner, *taps = weight.shape
        x = algebra.pad(x, before=(0, 0, *padding), after=(0, 0, *padding))

        def windows(t: Tensor) -> Tensor:
            for axis in range(rank):
                t = t.unfold(2 + axis, dilation[axis] * (taps[axis] - 1) + 1, stride[axis])
            for axis in range(rank):
                t = t[
                    (..., slice(None, None, dilation[axis]), *(slice(None) for _ in range(rank - 1 - axis)))
                ]
            return t.reshape(batch, groups, channels // groups, *t.shape[2:])

        x = algebra.view(x, windows)
        weight = algebra.view(weight, lambda t: t.reshape(groups, out // groups, inner, *taps))
        # batch 0, group 1, in 2, out 3; then places and taps.
        places, tap_names = tuple(range(4, 4 + rank)), tuple(range(4 + rank, 4 + 2 * rank))
        y = algebra.contract(
            x,
            weight,
            x_axes=(0, 1, 2, *places, *tap_names),
            y_axes=(1, 3, 2, *tap_names),
            out_axes=(0, 1, 3, *places),
        )
        shape = instruction.outputs[0].shape
        y = algebra.view(y, lambda t: t.reshape(shape))
        if bias is not None:
            y = algebra.add(y, algebra.view(bias, lambda t: t.reshape(out, *(1 for _ in range(rank)))))
        return (y,)


OPERATIONS: Final = (Convolution("aten.convolution.default"),)
