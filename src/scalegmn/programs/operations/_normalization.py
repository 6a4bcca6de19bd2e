"""Layer norm and group norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import ODD, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class LayerNorm(Operation):
    """``(x - mean) / sqrt(var + eps) * gain + bias`` over the last axes."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, shape, gain, bias, _ = arguments
        y = algebra.couple(x, axes=tuple(range(-len(shape), 0)), behavior=ODD)
        y = y if gain is None else algebra.multiply(y, gain)
        return (y if bias is None else algebra.add(y, bias),)


@final
class GroupNorm(Operation):
    """The same over groups of channels and all positions; gain and bias for each channel."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, gain, bias, _, _, _, groups, _ = arguments
        batch, channels, *space = x.shape
        y = algebra.view(x, lambda t: t.reshape(batch, groups, channels // groups, *space))
        y = algebra.couple(y, axes=tuple(range(2, 3 + len(space))), behavior=ODD)
        y = algebra.view(y, lambda t: t.reshape(batch, channels, *space))
        for value, join in ((gain, algebra.multiply), (bias, algebra.add)):
            if value is not None:
                y = join(y, algebra.view(value, lambda t: t.reshape(channels, *(1 for _ in space))))
        return (y,)


@final
class BatchStatisticsNorm(Operation):
    """The same over examples and positions, for each channel: how instance norm arrives, as one example."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, gain, bias, *_ = arguments
        _, channels, *space = x.shape
        y = algebra.couple(x, axes=(0, *range(2, 2 + len(space))), behavior=ODD)
        for value, join in ((gain, algebra.multiply), (bias, algebra.add)):
            if value is not None:
                y = join(y, algebra.view(value, lambda t: t.reshape(channels, *(1 for _ in space))))
        return (y,)


OPERATIONS: Final = (
    LayerNorm("aten.native_layer_norm.default"),
    GroupNorm("aten.native_group_norm.default"),
    BatchStatisticsNorm("aten._native_batch_norm_legit.no_stats"),
)
