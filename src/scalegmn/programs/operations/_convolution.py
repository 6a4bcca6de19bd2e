"""Convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.programs import Algebra, Argument, HasShape, Instruction

from ._operation import Operation, Shape
from ._pooling import spread, windows_of
from ._transposed_convolution import turned, with_gaps

L = TypeVar("L", bound=HasShape)


@final
class Convolution(Operation):
    """``y[n, o, p] = sum_{i, t} w[o, i, t] x[n, i, s p + d t] + b[o]``, in groups of channels.

    A transposed one is a convolution of entries with gaps between them.
    """

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        # In groups, widths are multiples of their number, which may itself be a width.
        *_, groups = arguments
        return arguments if groups == 1 else None

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, weight, bias, stride, padding, dilation, transposed, beyond, groups = arguments
        rank = len(x.shape) - 2
        stride, before, dilation = (spread(value, rank) for value in (stride, padding, dilation))
        after = before
        if transposed:
            x = with_gaps(algebra, x, strides=stride)
            weight = turned(algebra, weight, groups=groups)
            stride = (1,) * rank
            reach = [gap * (size - 1) for gap, size in zip(dilation, weight.shape[2:], strict=True)]
            before = tuple(r - width for r, width in zip(reach, before, strict=True))
            after = tuple(width + more for width, more in zip(before, spread(beyond, rank), strict=True))
        batch, channels, *_ = x.shape
        out, inner, *taps = weight.shape
        x = algebra.pad(x, before=(0, 0, *before), after=(0, 0, *after))

        def windows(t: Tensor) -> Tensor:
            t = windows_of(t, sizes=taps, strides=stride, gaps=dilation)
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
