"""Names of values become numbers, and what nothing needs is left out."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Constant, Instruction, Operand, Program, ValueType

from ._drafts import Draft, DraftProgram, Written, written

MAX_CONSTANTS: Final = 2**25
"""Numbers in all constants of a program together."""


def numbered(draft: DraftProgram, *, changed: Set[str]) -> Program:
    """The program that a draft says.

    Args:
        draft: all instructions.
        changed: names of buffers that the network changes while it runs.

    Raises:
        ProgramError: its constants are too large, or its answers depend on a buffer that it changes.
    """
    constants = _Constants()
    outputs = [constants.without_tensors(value) for value in draft.outputs]
    live = {value.node for value in outputs}
    kept: list[Draft] = []
    for instruction in reversed(draft.instructions):
        if instruction.key in live:
            arguments = constants.without_tensors(instruction.arguments)
            kept.append(replace(instruction, arguments=arguments))
            live.update(value.node for value in written(arguments))
    kept.reverse()
    _check_stateless(draft, live, changed)
    # Counters that nothing reads are no part of the function.
    parameters = [
        (v, parameter) for v, parameter in draft.parameters if parameter.type.is_floating or v.node in live
    ]
    places = [value for value, _ in draft.inputs] + [value for value, _ in parameters]
    places += constants.found
    places += [Written(one.key, index) for one in kept for index in range(len(one.outputs))]
    index = {value: Operand(number) for number, value in enumerate(places)}
    return Program(
        inputs=tuple(given for _, given in draft.inputs),
        parameters=tuple(parameter for _, parameter in parameters),
        constants=tuple(constants.found.values()),
        instructions=tuple(_instruction(one, index) for one in kept),
        outputs=tuple(index[value] for value in outputs),
        foldings=tuple(draft.foldings),
    )


def value_type(value: Tensor) -> ValueType:
    """Shape and kind of a tensor."""
    return ValueType(tuple(int(size) for size in value.shape), str(value.dtype).removeprefix("torch."))


@final
@dataclass
class _Constants:
    """Tensors that instructions are given, each once."""

    found: dict[Written, Constant] = field(default_factory=dict)
    keys: dict[Constant, Written] = field(default_factory=dict)
    entries: int = 0

    def without_tensors(self, argument: Any) -> Any:
        """An argument with the values of constants in place of tensors."""
        if isinstance(argument, Tensor):
            return self._place(argument)
        if isinstance(argument, tuple):
            return tuple(self.without_tensors(part) for part in argument)
        return argument

    def _place(self, tensor: Tensor) -> Written:
        self.entries += tensor.numel()
        if self.entries > MAX_CONSTANTS:
            raise ProgramError(
                f"the network brings more than {MAX_CONSTANTS:,} numbers along as constants, expected fewer; "
                "trace it with a smaller example, or hold large tables as buffers"
            )
        data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        constant = Constant(type=value_type(tensor), data=data.numpy().tobytes())
        if constant not in self.keys:
            self.keys[constant] = Written(f"constant {len(self.found)}")
            self.found[self.keys[constant]] = constant
        return self.keys[constant]


def _check_stateless(draft: DraftProgram, live: Set[str], changed: Set[str]) -> None:
    """Refuse buffers that are read and changed, so that each call answers something else."""
    for value, parameter in draft.parameters:
        if parameter.name in changed and value.node in live:
            raise ProgramError(
                f"the network changes its buffer {parameter.name} while it runs, and reads it, expected the "
                "same answer at every call; change it in training only (self.training)"
            )


def _instruction(draft: Draft, index: dict[Written, Operand]) -> Instruction:
    return Instruction(
        operation=draft.operation,
        arguments=_operands(draft.arguments, index),
        outputs=draft.outputs,
        module=draft.module,
    )


def _operands(argument: Any, index: dict[Written, Operand]) -> Any:
    if isinstance(argument, Written):
        return index[argument]
    if isinstance(argument, tuple):
        return tuple(_operands(part, index) for part in argument)
    return argument
