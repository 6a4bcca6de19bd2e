"""Sums, means or maxima of rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, final

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import LINEAR, RELU, Algebra, HasShape, Instruction

from ._operation import Operation

L = TypeVar("L", bound=HasShape)

_MAXIMUM: Final = 2


@final
class EmbeddingBag(Operation):
    """One row for each bag of numbers."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        table, _, _, _, mode, _, weights, *_ = arguments
        if weights is not None:
            raise UnsupportedOperationError(
                f"the bags of {instruction.module or 'the network itself'} have weights for each number, of "
                "which nothing is known; write it with embedding and a product"
            )
        rows = algebra.lookup(table, shape=instruction.outputs[0].shape[:-1])
        return (algebra.apply(rows, RELU if mode == _MAXIMUM else LINEAR),)


OPERATIONS: Final = (
    EmbeddingBag("aten._embedding_bag.default"),
    EmbeddingBag("aten._embedding_bag_forward_only.default"),
)
