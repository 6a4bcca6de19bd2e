"""What a kind of operation says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import torch
from torch import Tensor

from scalegmn.programs import Algebra, HasShape, Instruction

L = TypeVar("L", bound=HasShape)


class Operation(ABC):
    """A kind of operation.

    Args:
        name: in the registry and in programs: that of an operator of PyTorch,
            ``namespace.operator.overload``.

    Example:
        >>> from scalegmn.programs.operations import OPERATIONS
        >>> OPERATIONS.get("aten.relu.default").name
        'aten.relu.default'
    """

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def run(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Compute it, by default with the operator of PyTorch that has its name.

        Args:
            arguments: as in the instruction, tensors in place of operands.

        Returns:
            What the instruction writes, in order.
        """
        namespace, operator, overload = self.name.split(".")
        function = getattr(getattr(getattr(torch.ops, namespace), operator), overload)
        written: Tensor | Sequence[Tensor] = function(*arguments)
        return (written,) if isinstance(written, Tensor) else tuple(written)

    @abstractmethod
    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        """Say what it is made of.

        Args:
            algebra: in which the program is interpreted.
            arguments: as in the instruction, labels in place of operands.
            instruction: types of the outputs, and the module for messages.

        Returns:
            Labels of the outputs that anything may use, in order.
        """
