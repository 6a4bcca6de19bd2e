"""From what PyTorch recorded to a program."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.programs import (
    Constant,
    EffectiveParameter,
    Input,
    Instruction,
    Operand,
    Program,
    ValueType,
)
from scalegmn.programs.operations import OPERATIONS, signature_of

from ._drafts import Draft, DraftProgram, Written, written
from ._effective import BATCH_NORM, absorb_shifts, lower_batch_norm

_IDENTITIES: Final = frozenset({"clone", "alias", "detach", "lift_fresh_copy", "contiguous"})
_CASTS: Final = frozenset({"_to_copy"})
_ASSERTIONS: Final = ("_assert", "sym_constrain")


@final
class Builder:
    """Collects the instructions of a graph.

    Args:
        exported: what PyTorch recorded.
    """

    def __init__(self, exported: ExportedProgram) -> None:
        self._exported = exported
        self._values: dict[str, Any] = {}
        self._inputs: list[tuple[Written, Input]] = []
        self._program = DraftProgram()
        self._constants: dict[Written, Constant] = {}
        self._kinds = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}

    def build(self) -> Program:
        """Go through the graph once."""
        outputs: Sequence[Any] = ()
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                self._place(node)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                outputs = node.args[0]
        absorb_shifts(self._program)
        return self._numbered([self._values[node.name] for node in outputs if isinstance(node, Node)])

    def _place(self, node: Node) -> None:
        spec = self._kinds[node.name]
        value = Written(node.name)
        if spec.kind is InputKind.USER_INPUT:
            if not isinstance(node.meta["val"], Tensor):
                return
            self._values[node.name] = value
            self._inputs.append((value, Input(name=node.name, type=_type(node.meta["val"]))))
        elif spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent):
            self._values[node.name] = value
            buffer = spec.kind is InputKind.BUFFER
            self._program.parameters.append(
                (
                    value,
                    EffectiveParameter(name=str(spec.target), type=_type(node.meta["val"]), buffer=buffer),
                )
            )
        else:
            self._values[node.name] = self._exported.constants[str(spec.target)].detach()

    def _call(self, node: Node) -> None:
        name = str(node.target)
        if node.target is operator.getitem:
            source, index = node.args
            assert isinstance(source, Node) and isinstance(index, int)
            whole = self._values[source.name]
            self._values[node.name] = (
                Written(whole.node, index) if isinstance(whole, Written) else whole[index]
            )
            return
        plain = name.split(".")[1] if name.count(".") == 2 else name
        if plain.startswith(_ASSERTIONS):
            return
        arguments = [self._argument(part) for part in _normalized(node)]
        if _all_known(arguments):
            self._values[node.name] = self._folded(node)
            return
        if plain in _IDENTITIES or (plain in _CASTS and _both_floating(node)):
            self._values[node.name] = arguments[0]
            return
        if name == BATCH_NORM:
            normalized = lower_batch_norm(
                self._program, arguments, output=_types(node)[0], key=node.name, module=_module(node)
            )
            self._values[node.name] = (normalized,)
            return
        if name not in OPERATIONS:
            raise UnsupportedOperationError(
                f"the operation {name} of {_where(node)} is not known; register what it is made of with "
                "register_operation, or rewrite the module"
            )
        draft = Draft(
            key=node.name,
            operation=name,
            arguments=tuple(arguments),
            outputs=_types(node),
            module=_module(node),
        )
        self._program.instructions.append(draft)
        self._values[node.name] = Written(node.name)

    def _argument(self, part: Any) -> Any:
        if isinstance(part, Node):
            return self._values[part.name]
        if isinstance(part, (list, tuple)):
            return tuple(self._argument(item) for item in part)
        if part is None or isinstance(part, (bool, int, float, str)):
            return part
        if isinstance(part, torch.dtype):
            return str(part).removeprefix("torch.")
        raise ProgramError(f"an operation is given {part!r}, expected tensors, numbers and None")

    def _folded(self, node: Node) -> Any:
        def real(part: Any) -> Any:
            if isinstance(part, Node):
                return self._values[part.name]
            if isinstance(part, (list, tuple)):
                return [real(item) for item in part]
            return part

        kwargs = {key: real(value) for key, value in node.kwargs.items()}
        with torch.no_grad():
            return node.target(*[real(part) for part in node.args], **kwargs)  # type: ignore[operator]

    def _numbered(self, outputs: Sequence[Any]) -> Program:
        outputs = [self._constant(value) if isinstance(value, Tensor) else value for value in outputs]
        live = {value.node for value in outputs}
        kept: list[Draft] = []
        for draft in reversed(self._program.instructions):
            if draft.key in live:
                draft = replace(draft, arguments=self._without_tensors(draft.arguments))
                live.update(value.node for value in written(draft.arguments))
                kept.append(draft)
        kept.reverse()
        places = [value for value, _ in self._inputs] + [value for value, _ in self._program.parameters]
        constants = [(value, constant) for value, constant in self._constants.items() if value.node in live]
        places += [value for value, _ in constants]
        for draft in kept:
            places += [Written(draft.key, index) for index in range(len(draft.outputs))]
        index = {value: Operand(number) for number, value in enumerate(places)}
        return Program(
            inputs=tuple(given for _, given in self._inputs),
            parameters=tuple(parameter for _, parameter in self._program.parameters),
            constants=tuple(constant for _, constant in constants),
            instructions=tuple(
                Instruction(
                    operation=draft.operation,
                    arguments=_operands(draft.arguments, index),
                    outputs=draft.outputs,
                    module=draft.module,
                )
                for draft in kept
            ),
            outputs=tuple(index[value] for value in outputs),
            foldings=tuple(self._program.foldings),
        )

    def _constant(self, value: Tensor) -> Written:
        place = Written(f"constant {len(self._constants)}")
        data = value.detach().contiguous()
        self._constants[place] = Constant(type=_type(data), data=data.numpy().tobytes())
        return place

    def _without_tensors(self, argument: Any) -> Any:
        if isinstance(argument, Tensor):
            return self._constant(argument)
        if isinstance(argument, tuple):
            return tuple(self._without_tensors(part) for part in argument)
        return argument


def _normalized(node: Node) -> list[Any]:
    """Arguments in the order of the operator's signature, defaults filled in, keywords that matter last."""
    positional, keywords = signature_of(node.target)
    defaults = {expected.name: expected.default_value for expected in node.target._schema.arguments}  # type: ignore[union-attr]
    given = dict(zip(positional, node.args, strict=False)) | node.kwargs
    return [given.get(name, defaults[name]) for name in (*positional, *keywords)]


def _operands(argument: Any, index: dict[Written, Operand]) -> Any:
    if isinstance(argument, Written):
        return index[argument]
    if isinstance(argument, tuple):
        return tuple(_operands(part, index) for part in argument)
    return argument


def _all_known(arguments: Sequence[Any]) -> bool:
    return not written(tuple(arguments))


def _both_floating(node: Node) -> bool:
    given = node.args[0].meta["val"]  # type: ignore[union-attr]
    return bool(given.is_floating_point() and node.meta["val"].is_floating_point())


def _types(node: Node) -> tuple[ValueType, ...]:
    value = node.meta["val"]
    return (_type(value),) if isinstance(value, Tensor) else tuple(_type(part) for part in value)


def _type(value: Tensor) -> ValueType:
    return ValueType(tuple(int(size) for size in value.shape), str(value.dtype).removeprefix("torch."))


def _module(node: Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return next((str(path) for path, _ in reversed(stack.values())), "")


def _where(node: Node) -> str:
    return _module(node) or "the network itself"
