"""A network as a program: operations in order, as a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from ._folding import Folding


@final
@dataclass(frozen=True, order=True)
class Operand:
    """One value of a program, by its index.

    Attributes:
        index: inputs come first, then parameters, constants, and what the instructions write, in their order.
    """

    index: int


if TYPE_CHECKING:
    Argument = Operand | bool | int | float | str | None | tuple["Argument", ...]
else:
    # Checks of annotations cannot follow a type into itself.
    Argument = object
"""What a instruction is given: values, and literals as they stand in the operation's signature."""


@final
@dataclass(frozen=True)
class ValueType:
    """Shape and kind of a tensor.

    Attributes:
        shape: sizes of its axes.
        dtype: name in torch, such as ``float32``.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def is_floating(self) -> bool:
        """Whether it holds real numbers."""
        return "float" in self.dtype


@final
@dataclass(frozen=True, kw_only=True)
class Input:
    """What a network is asked about.

    Attributes:
        name: of the argument.
        type: its shape and kind.
    """

    name: str
    type: ValueType


@final
@dataclass(frozen=True, kw_only=True)
class EffectiveParameter:
    """A tensor of the network, as the program uses it: an *effective* parameter.

    Attributes:
        name: in the effective state; that of the state dict unless a folding made it.
        type: shape and kind.
        buffer: whether it is a statistic and not trained.
        positive: whether it is above 0 whatever the file holds, as a standard deviation is; it has no sign.
    """

    name: str
    type: ValueType
    buffer: bool = False
    positive: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Constant:
    """A tensor that the code brings along, and the file does not: a mask, a table of frequencies.

    Attributes:
        type: shape and kind.
        data: its numbers, little-endian, row by row.
    """

    type: ValueType
    data: bytes = field(repr=False)

    def tensor(self) -> Tensor:
        """The numbers, as a tensor of its own."""
        dtype = getattr(torch, self.type.dtype)
        if not self.data:
            return torch.empty(self.type.shape, dtype=dtype)
        return torch.frombuffer(bytearray(self.data), dtype=dtype).reshape(self.type.shape)


@final
@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One operation.

    Attributes:
        operation: name in the registry of operations.
        arguments: in the order of its signature, defaults filled in.
        outputs: what it writes.
        module: path of the module that it was written in, for messages; empty for the network itself.
    """

    operation: str
    arguments: tuple[Argument, ...]
    outputs: tuple[ValueType, ...]
    module: str = ""

    def operands(self) -> Iterator[Operand]:
        """All values that it is given, in order."""
        yield from _operands(self.arguments)


@final
@dataclass(frozen=True, kw_only=True)
class Program:
    """A network without its weights: hashable, and fit for JSON.

    Values are numbered: inputs, parameters, constants, then the outputs of the instructions.

    Attributes:
        inputs: what it is asked about, at the sizes that it was traced with.
        parameters: effective parameters.
        constants: tensors that belong to the code.
        instructions: operations in order.
        outputs: the values that are returned, flat.
        foldings: how effective parameters come from the tensors of a file, in the order of reading.
    """

    inputs: tuple[Input, ...]
    parameters: tuple[EffectiveParameter, ...]
    constants: tuple[Constant, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[Operand, ...]
    foldings: tuple[Folding, ...] = ()

    def types(self) -> tuple[ValueType, ...]:
        """The types of all values, by index."""
        return (
            *(value.type for value in self.inputs),
            *(value.type for value in self.parameters),
            *(value.type for value in self.constants),
            *(written for instruction in self.instructions for written in instruction.outputs),
        )


def _operands(argument: Argument) -> Iterator[Operand]:
    if isinstance(argument, Operand):
        yield argument
    elif isinstance(argument, tuple):
        for part in argument:
            yield from _operands(part)
