"""From what PyTorch recorded to a program."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec, OutputKind
from torch.fx import Node

from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.programs import EffectiveParameter, Folding, Input, Program, ValueType
from scalegmn.programs.foldings import FixedBuffer, digest_of
from scalegmn.programs.operations import OPERATIONS

from ._batch_norm import BATCH_NORM, absorb_deviations, lower_batch_norm
from ._drafts import Draft, DraftProgram, Written, written
from ._fixed import SHAPE_ONLY, UNFILLED, check_fixed, check_small
from ._normalizing import IDENTITIES, is_cast_of_floats, normalized
from ._numbering import numbered, value_type
from ._places import module_path, where
from ._shifts import absorb_shifts
from ._tying import foldings_of

MAX_INSTRUCTIONS: Final = 100_000
"""Operations of a network; more are not traced, and not read from files."""
_ASSERTIONS: Final = ("_assert", "sym_constrain")


@final
class Builder:
    """Collects the instructions of a graph.

    Args:
        exported: what PyTorch recorded.
        tied: names of parameters that are the same tensor as another one, with the name of that one.
        foldings: how parameters of the module come from those of its state dict.
        names: what the program calls parameters, where it does not call them as the module does.
    """

    def __init__(
        self,
        exported: ExportedProgram,
        *,
        tied: Mapping[str, str],
        foldings: Sequence[Folding],
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._exported = exported
        self._tied = tied
        self._names = names or {}
        self._values: dict[str, Any] = {}
        self._named: dict[str, Written] = {}
        self._program = DraftProgram(foldings=[*foldings, *foldings_of(tied)])
        self._specs = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}

    def build(self) -> Program:
        """Go through the graph once.

        Raises:
            ProgramError: no program says this.
        """
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                self._place(node)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                self._program.outputs = self._returned(node)
        absorb_deviations(self._program)
        absorb_shifts(self._program)
        signature = self._exported.graph_signature
        return numbered(self._program, changed=frozenset(signature.buffers_to_mutate.values()))

    def _returned(self, node: Node) -> list[Any]:
        """What the network returns, without what it writes into its own buffers."""
        specs = self._exported.graph_signature.output_specs
        values: Sequence[Any] = node.args[0]  # type: ignore[assignment]
        returned = [
            self._values[value.name]
            for value, spec in zip(values, specs, strict=True)
            if spec.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT) and isinstance(value, Node)
        ]
        if not returned:
            raise ProgramError(
                "the forward of the network returns no tensor, expected one or more; let it return what it "
                "computes"
            )
        return returned

    def _place(self, node: Node) -> None:
        spec = self._specs[node.name]
        value = Written(node.name)
        if spec.kind is InputKind.USER_INPUT:
            # Numbers, texts and None among the arguments have become part of the code.
            if isinstance(node.meta["val"], Tensor):
                self._values[node.name] = value
                self._program.inputs.append((value, Input(name=node.name, type=value_type(node.meta["val"]))))
        elif spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent):
            self._values[node.name] = self._lasting(node, value, spec)
        elif spec.kind in (InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            self._values[node.name] = self._exported.constants[str(spec.target)].detach().cpu()
        else:
            raise ProgramError(
                f"the network holds {spec.target}, which is no tensor of PyTorch, expected parameters and "
                "buffers; trace the parts of it that have tensors only"
            )

    def _lasting(self, node: Node, value: Written, spec: InputSpec) -> Any:
        """A parameter, or the table of indices that is read and never changed."""
        type_, name = value_type(node.meta["val"]), str(spec.target)
        changed = name in self._exported.graph_signature.buffers_to_mutate.values()
        if type_.is_floating or changed or not node.users:
            return self._parameter(value, spec, type_)
        table = self._exported.state_dict[name].detach().cpu()
        self._program.foldings.append(FixedBuffer(name=name, sha256=digest_of(table)))
        return table

    def _parameter(self, value: Written, spec: InputSpec, type_: ValueType) -> Written:
        """The value of a parameter; that of another one where both are the same tensor."""
        name = self._tied.get(str(spec.target), str(spec.target))
        if name not in self._named:
            self._named[name] = value
            buffer = spec.kind is InputKind.BUFFER
            shown = self._names.get(name, name)
            parameter = EffectiveParameter(name=shown, type=type_, buffer=buffer)
            self._program.parameters.append((value, parameter))
        return self._named[name]

    def _call(self, node: Node) -> None:
        if node.target is operator.getitem:
            self._values[node.name] = self._part(node)
            return
        name = str(node.target)
        plain = name.split(".")[1] if name.count(".") == 2 else name
        if plain.startswith(_ASSERTIONS):
            return
        check_fixed(node)
        arguments = tuple(self._argument(part) for part in normalized(node))
        if plain in SHAPE_ONLY or not written(arguments):
            self._values[node.name] = self._folded(node)
        elif plain in IDENTITIES or is_cast_of_floats(node):
            self._values[node.name] = arguments[0]
        elif name == BATCH_NORM:
            self._values[node.name] = (self._batch_norm(node, arguments),)
        else:
            self._values[node.name] = self._instruction(node, name, arguments)

    def _part(self, node: Node) -> Any:
        """One output of an operation that has several."""
        source, index = node.args
        assert isinstance(source, Node) and isinstance(index, int)
        whole = self._values[source.name]
        return Written(whole.node, index) if isinstance(whole, Written) else whole[index]

    def _batch_norm(self, node: Node, arguments: Sequence[Any]) -> Written:
        return lower_batch_norm(
            self._program, arguments, output=_types(node)[0], key=node.name, module=module_path(node)
        )

    def _instruction(self, node: Node, name: str, arguments: tuple[Any, ...]) -> Written:
        if name not in OPERATIONS:
            raise UnsupportedOperationError(
                f"{where(node)} uses the operation {name}, of which nothing is known; say what it is made of "
                f"with register_operation, or {_other_way(node)}"
            )
        if len(self._program.instructions) >= MAX_INSTRUCTIONS:
            raise ProgramError(
                f"{where(node)} is reached after {MAX_INSTRUCTIONS:,} operations, expected a smaller "
                "network; trace it with a shorter example, or its parts one by one"
            )
        draft = Draft(
            key=node.name,
            operation=name,
            arguments=arguments,
            outputs=_types(node),
            module=module_path(node),
        )
        self._program.instructions.append(draft)
        return Written(node.name)

    def _argument(self, part: Any) -> Any:
        if isinstance(part, Node):
            return self._values[part.name]
        if isinstance(part, (list, tuple)):
            return tuple(self._argument(item) for item in part)
        if part is None or isinstance(part, (bool, int, float, str)):
            return part
        if isinstance(part, torch.dtype):
            return str(part).removeprefix("torch.")
        # Layouts, devices and formats say where numbers lie, and are arguments of constants only.
        return None

    def _folded(self, node: Node) -> Any:
        """What a call is that depends on neither inputs nor parameters."""
        check_small(node)
        kwargs = {key: self._real(value) for key, value in node.kwargs.items()}
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        with torch.no_grad():
            value = node.target(*[self._real(part) for part in node.args], **kwargs)  # type: ignore[operator]
        return torch.zeros_like(value) if str(node.target).split(".")[1] in UNFILLED else value

    def _real(self, part: Any) -> Any:
        if isinstance(part, Node):
            value = self._values[part.name]
            if isinstance(value, Written):
                like = part.meta["val"]
                return torch.zeros(like.shape, dtype=like.dtype)
            return value
        if isinstance(part, (list, tuple)):
            return [self._real(item) for item in part]
        return part


def _types(node: Node) -> tuple[ValueType, ...]:
    value = node.meta["val"]
    return (value_type(value),) if isinstance(value, Tensor) else tuple(value_type(part) for part in value)


def _other_way(node: Node) -> str:
    """What else helps against an operation of which nothing is known."""
    if "parametrizations" in module_path(node).split("."):
        return "make the weight plain with torch.nn.utils.parametrize.remove_parametrizations"
    return "write the module with others"
