"""Sums of products of three values, as a bilinear layer has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)


@final
class Trilinear(Operation):
    """``out = sum x w y`` over some axes; each factor lacks the axes that it is said to be expanded along."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x, weight, y, *expanded, summed = arguments[:7]
        rank = len(x.shape) + len(expanded[0])
        names = [tuple(axis for axis in range(rank) if axis not in missing) for missing in expanded]
        kept = tuple(axis for axis in range(rank) if axis not in summed or axis in names[2])
        inner = algebra.contract(x, weight, x_axes=names[0], y_axes=names[1], out_axes=kept)
        out = tuple(axis for axis in range(rank) if axis not in summed)
        return (algebra.contract(inner, y, x_axes=kept, y_axes=names[2], out_axes=out),)


OPERATIONS: Final = (Trilinear("aten._trilinear.default"),)
