"""Maps in another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

import torch

from scalegmn.programs import LINEAR, RELU, Algebra, Behavior, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class NearestNeighbor(Operation):
    """Each entry is one of the smaller map."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, *rest = arguments
        places = torch.arange(torch.Size(x.shape).numel(), dtype=torch.float64).reshape(x.shape)
        chosen = self.run(places, *rest)[0].to(torch.int64)
        return (algebra.view(x, lambda t: t.reshape(-1)[chosen]),)


@final
class Resampling(Operation):
    """Each entry is a mean with fixed weights, or the largest, of some entries of its channel.

    Which ones is not looked at: all of a channel are taken to transform alike.

    Args:
        name: in the registry.
        behavior: when all of them are scaled or flipped together.
    """

    def __init__(self, name: str, behavior: Behavior = LINEAR) -> None:
        super().__init__(name)
        self._behavior = behavior

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x = arguments[0]
        shape = instruction.outputs[0].shape
        changed = [axis for axis in range(len(shape)) if shape[axis] != x.shape[axis]]
        if not changed:
            return (x,)
        axes = tuple(range(min(changed), len(shape)))
        x = algebra.ordered(x, axes=axes, behavior=self._behavior)
        mean = algebra.reduce(x, axes=axes, keepdim=True, behavior=LINEAR)
        # As many numbers as there are places, in their order.
        y = algebra.view(mean, lambda t: t.expand(shape))
        return (algebra.ordered(y, axes=axes, behavior=LINEAR),)


OPERATIONS: Final = (
    *(
        NearestNeighbor(f"aten.upsample_nearest{rank}d.{kind}")
        for rank in (1, 2, 3)
        for kind in ("vec", "default")
    ),
    *(
        Resampling(f"aten.upsample_{name}.{kind}")
        for name in ("linear1d", "bilinear2d", "bicubic2d", "trilinear3d")
        for kind in ("vec", "default")
    ),
    *(
        Resampling(f"aten._upsample_{name}2d_aa.{kind}")
        for name in ("bilinear", "bicubic")
        for kind in ("vec", "default")
    ),
    *(Resampling(f"aten._adaptive_avg_pool{rank}d.default") for rank in (2, 3)),
    *(Resampling(f"aten.adaptive_max_pool{rank}d.default", RELU) for rank in (2, 3)),
)
