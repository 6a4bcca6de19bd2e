"""What a kind of operation says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import torch
from torch import Tensor

from scalegmn.programs import Algebra, Argument, HasShape, Instruction, Operand

L = TypeVar("L", bound=HasShape)
Shape = tuple[int, ...]


WHERE_NUMBERS_LIE: Final = frozenset({"layout", "device", "pin_memory", "memory_format", "out", "generator"})
"""Keywords that a program leaves out: they say where and how numbers lie, and not what they are."""
EXACT: Final = torch.float64
"""What an operation that makes real numbers of others computes in, whatever kind its instruction names."""

_KINDS: Final = {
    str(kind).removeprefix("torch."): kind for kind in vars(torch).values() if isinstance(kind, torch.dtype)
}


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
        function = operator_of(self.name)
        positional, keywords = signature_of(function)
        given = [kind_of(argument) for argument in arguments]
        named = dict(zip(keywords, given[len(positional) :], strict=True))
        written: Tensor | Sequence[Tensor] = function(*given[: len(positional)], **named)
        return (written,) if isinstance(written, Tensor) else tuple(written)

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        """Its arguments in the same network with other widths; None where literals may depend on them.

        Args:
            arguments: as in the instruction.
            before: shape of the first operand.
            after: its shape at other widths.
        """
        return None

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


class AnyWidth(Operation):
    """A kind of operation none of whose literals is a width, nor made from one."""

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        return arguments


class AnyWidthOfTwo(Operation):
    """The same of two operands; a number in the place of one may be made from a width, as 1 / sqrt(d) is."""

    def resized(
        self, arguments: tuple[Argument, ...], *, before: Shape, after: Shape
    ) -> tuple[Argument, ...] | None:
        return arguments if all(isinstance(one, Operand) for one in arguments[:2]) else None


def operator_of(name: str) -> Any:
    """An operator of PyTorch by its full name."""
    namespace, operator, overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), operator), overload)


def signature_of(function: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of an operator's positional arguments, and of its keywords that say what numbers are."""
    arguments = function._schema.arguments
    return (
        tuple(argument.name for argument in arguments if not argument.kwarg_only),
        tuple(a.name for a in arguments if a.kwarg_only and a.name not in WHERE_NUMBERS_LIE),
    )


def kind_of(argument: Any) -> Any:
    """What the name of a kind of numbers stands for; all else as it is."""
    found = _KINDS.get(argument) if isinstance(argument, str) else None
    if found is None:
        return argument
    return EXACT if found.is_floating_point else found


def as_labels(algebra: Algebra[L], value: Any) -> L:
    """Labels of an argument that may be a literal number."""
    if isinstance(value, (bool, int, float)):
        return algebra.constant(torch.tensor(value, dtype=torch.float64))
    labels: L = value
    return labels
