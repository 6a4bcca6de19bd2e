"""A program that is being written: values have names, not numbers yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

from scalegmn.programs import EffectiveParameter, Folding, Input, ValueType


@final
@dataclass(frozen=True)
class Written:
    """A value that instructions refer to, by the name of the node and the index of its output."""

    node: str
    output: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Draft:
    """An instruction whose arguments are not numbered yet.

    Attributes:
        key: by which :class:`Written` refers to it.
        operation: name in the registry.
        arguments: with :class:`Written` and tensors in place of operands.
        outputs: types of what it writes.
        module: where it was written.
    """

    key: str
    operation: str
    arguments: tuple[Any, ...]
    outputs: tuple[ValueType, ...]
    module: str


@final
@dataclass
class DraftProgram:
    """What has been written so far.

    Attributes:
        inputs: each with the value that it is.
        parameters: likewise.
        instructions: in order.
        outputs: values and tensors that are returned.
        foldings: how effective parameters come about.
    """

    inputs: list[tuple[Written, Input]] = field(default_factory=list)
    parameters: list[tuple[Written, EffectiveParameter]] = field(default_factory=list)
    instructions: list[Draft] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    foldings: list[Folding] = field(default_factory=list)

    def emit(
        self, operation: str, arguments: tuple[Any, ...], *, output: ValueType, key: str, module: str
    ) -> Written:
        """Write one more instruction with one output.

        Args:
            operation: name in the registry.
            arguments: with values and tensors in place of operands.
            output: what it writes.
            key: of the node that it is part of.
            module: where it was written.
        """
        draft = Draft(
            key=f"{key} {len(self.instructions)}",
            operation=operation,
            arguments=arguments,
            outputs=(output,),
            module=module,
        )
        self.instructions.append(draft)
        return Written(draft.key)

    def remove(self, drafts: list[Draft], *, instead: Written) -> None:
        """Leave instructions out, and let one value stand for all that they write."""
        values = {Written(draft.key): instead for draft in drafts}
        self.instructions = [
            replace(draft, arguments=replaced(draft.arguments, values))
            for draft in self.instructions
            if draft not in drafts
        ]
        self.outputs = [replaced(output, values) for output in self.outputs]


def written(argument: Any) -> list[Written]:
    """All values that an argument refers to, in order."""
    if isinstance(argument, Written):
        return [argument]
    if isinstance(argument, tuple):
        return [value for part in argument for value in written(part)]
    return []


def replaced(argument: Any, values: dict[Written, Written]) -> Any:
    """An argument with other values in the place of some."""
    if isinstance(argument, Written):
        return values.get(argument, argument)
    if isinstance(argument, tuple):
        return tuple(replaced(part, values) for part in argument)
    return argument
