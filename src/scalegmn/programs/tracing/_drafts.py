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
@dataclass(frozen=True, kw_only=True)
class Norm:
    """One batch norm that has been written.

    Attributes:
        variance: what it reads; None if that is a constant.
        gain: likewise; None if it has none as well.
        eps: what is added to the variance.
        shifted: their sum.
        root: its square root.
    """

    variance: Written | None
    gain: Written | None
    eps: float
    shifted: Written
    root: Written


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
        norms: all batch norms among the instructions.
    """

    inputs: list[tuple[Written, Input]] = field(default_factory=list)
    parameters: list[tuple[Written, EffectiveParameter]] = field(default_factory=list)
    instructions: list[Draft] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    foldings: list[Folding] = field(default_factory=list)
    norms: list[Norm] = field(default_factory=list)

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

    def exchange(self, drafts: list[Draft], *, operation: str, arguments: tuple[Any, ...]) -> None:
        """Let instructions be another one, whose outputs have the same types."""
        self.instructions = [
            replace(draft, operation=operation, arguments=arguments) if draft in drafts else draft
            for draft in self.instructions
        ]


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
