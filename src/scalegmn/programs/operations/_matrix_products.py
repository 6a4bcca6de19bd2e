"""Products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.programs import Algebra, HasShape, Instruction

from ._operation import AnyWidth

L = TypeVar("L", bound=HasShape)


@final
class MatrixProduct(AnyWidth):
    """``out = sum_k x[..., k] y[..., k, ...]``, and something added where the operator does.

    Args:
        name: in the registry.
        x_axes: names of the axes of the first factor.
        y_axes: those of the second.
        out_axes: those of the product.
        added: whether the operator's first argument is added, before the factors.
    """

    def __init__(
        self,
        name: str,
        x_axes: Sequence[int],
        y_axes: Sequence[int],
        out_axes: Sequence[int],
        *,
        added: bool = False,
    ) -> None:
        super().__init__(name)
        self._axes = (tuple(x_axes), tuple(y_axes), tuple(out_axes))
        self._added = added

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        start = 1 if self._added else 0
        x, y = arguments[start], arguments[start + 1]
        x_axes, y_axes, out_axes = self._axes
        product = algebra.contract(x, y, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
        return (algebra.add(product, arguments[0]) if self._added else product,)


OPERATIONS: Final = (
    MatrixProduct("aten.mm.default", (0, 1), (1, 2), (0, 2)),
    MatrixProduct("aten.bmm.default", (0, 1, 2), (0, 2, 3), (0, 1, 3)),
    MatrixProduct("aten.mv.default", (0, 1), (1,), (0,)),
    MatrixProduct("aten.dot.default", (0,), (0,), ()),
    MatrixProduct("aten.addmm.default", (0, 1), (1, 2), (0, 2), added=True),
    MatrixProduct("aten.baddbmm.default", (0, 1, 2), (0, 2, 3), (0, 1, 3), added=True),
    MatrixProduct("aten.addbmm.default", (0, 1, 2), (0, 2, 3), (1, 3), added=True),
    MatrixProduct("aten.addmv.default", (0, 1), (1,), (0,), added=True),
)
