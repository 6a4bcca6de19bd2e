"""Transposed convolution, as a convolution with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from torch import Tensor

from scalegmn.programs import Algebra, HasShape

L = TypeVar("L", bound=HasShape)


def with_gaps(algebra: Algebra[L], x: L, *, strides: Sequence[int]) -> L:
    """Zeros between the entries of all axes but the first two: ``strides - 1`` of them."""
    for number, stride in enumerate(strides):
        axis = 2 + number
        if stride == 1:
            continue
        length = (x.shape[axis] - 1) * stride + 1
        x = algebra.view(x, partial(Tensor.unsqueeze, dim=axis + 1))
        after = [0] * len(x.shape)
        after[axis + 1] = stride - 1
        x = algebra.pad(x, before=[0] * len(x.shape), after=after)
        x = algebra.view(x, partial(Tensor.flatten, start_dim=axis, end_dim=axis + 1))
        x = algebra.view(x, partial(Tensor.narrow, dim=axis, start=0, length=length))
    return x


def turned(algebra: Algebra[L], weight: L, *, groups: int) -> L:
    """The kernel of the convolution: outputs first, taps from back to front."""

    def turn(t: Tensor) -> Tensor:
        inputs, outputs, *taps = t.shape
        t = t.reshape(groups, inputs // groups, outputs, *taps).transpose(1, 2)
        return t.reshape(groups * outputs, inputs // groups, *taps).flip(tuple(range(2, t.dim() - 1)))

    return algebra.view(weight, turn)
