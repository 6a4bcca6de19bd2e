"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from torch import Tensor

from scalegmn.programs import LINEAR, RELU, Algebra, Behavior, HasShape, Instruction

from ._operation import AnyWidth

L = TypeVar("L", bound=HasShape)


@final
class Pooling(AnyWidth):
    """The largest entry of each window, or the mean of all.

    Args:
        name: in the registry.
        behavior: when all entries of a window are scaled or flipped together.
        outside: what the padding holds.
        dilated: whether windows may have gaps.
    """

    def __init__(self, name: str, behavior: Behavior, *, outside: float, dilated: bool) -> None:
        super().__init__(name)
        self._behavior = behavior
        self._outside = outside
        self._dilated = dilated

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, size, stride, padding, dilation = arguments[:5]
        written = instruction.outputs[0].shape
        rank = len(size)
        stride, padding = stride or size, spread(padding, rank)
        dilation = spread(dilation, rank) if self._dilated else (1,) * rank
        lead = (0,) * (len(x.shape) - rank)
        spans = [gap * (count - 1) + 1 for gap, count in zip(dilation, size, strict=True)]
        # A last window may reach beyond the padding, where sizes are rounded up.
        after = [
            max(width, (places - 1) * step + span - width - given)
            for width, places, step, span, given in zip(
                padding, written[-rank:], stride, spans, x.shape[-rank:], strict=True
            )
        ]
        x = algebra.pad(x, before=(*lead, *padding), after=(*lead, *after), value=self._outside)

        def windows(t: Tensor) -> Tensor:
            t = windows_of(t, sizes=size, strides=stride, gaps=dilation)
            return t[tuple(slice(0, places) for places in written)]

        y = algebra.view(x, windows)
        return (algebra.reduce(y, axes=tuple(range(-rank, 0)), keepdim=False, behavior=self._behavior),)


def spread(values: Sequence[int], rank: int) -> tuple[int, ...]:
    """One number per axis, where one may stand for all."""
    return tuple(values) * rank if len(values) == 1 else tuple(values)


def windows_of(t: Tensor, *, sizes: Sequence[int], strides: Sequence[int], gaps: Sequence[int]) -> Tensor:
    """All windows over the last axes, which are followed by one axis each for the entries of a window."""
    first = t.dim() - len(sizes)
    picked: list[Any] = [...]
    for axis, (size, stride, gap) in enumerate(zip(sizes, strides, gaps, strict=True)):
        t = t.unfold(first + axis, gap * (size - 1) + 1, stride)
        picked.append(slice(None, None, gap))
    found: Tensor = t[tuple(picked)]
    return found


OPERATIONS: Final = (
    *(
        Pooling(f"aten.max_pool{rank}d_with_indices.default", RELU, outside=float("-inf"), dilated=True)
        for rank in (2, 3)
    ),
    *(Pooling(f"aten.avg_pool{rank}d.default", LINEAR, outside=0.0, dilated=False) for rank in (1, 2, 3)),
)
