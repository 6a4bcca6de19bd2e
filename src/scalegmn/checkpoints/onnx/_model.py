"""What an ONNX file says, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, final

import torch
from torch import Tensor

AttributeValue: TypeAlias = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class OnnxTensor:
    """Numbers of a file.

    Attributes:
        name: of an initializer; empty for a tensor that is an attribute.
        value: the numbers.
        offset: of the first byte of the numbers in the file, where they lie in it as they are in memory.
        external: whether they lie in another file.
    """

    name: str
    value: Tensor
    offset: int | None = None
    external: bool = False


@final
@dataclass(frozen=True, eq=False)
class OnnxAttribute:
    """What a node is given beside its inputs.

    Attributes:
        name: of the attribute.
        kind: ``int``, ``float``, ``text``, the plural of one of these, or ``tensor``.
        value: of that kind.
    """

    name: str
    kind: str
    value: AttributeValue | OnnxTensor


@final
@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operation.

    Attributes:
        name: that the file gives to it; may be empty.
        index: its place in the file.
        operator: what it computes, such as ``Conv``.
        inputs: names of values; empty where an optional one is left out.
        outputs: likewise.
        attributes: by name.
    """

    name: str
    index: int
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, OnnxAttribute]

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"node {self.name or self.index} ({self.operator})"


@final
@dataclass(frozen=True)
class OnnxValue:
    """An input or an output of the model.

    Attributes:
        name: of the value.
        dtype: kind of its numbers, as torch calls it; None where the file does not say.
        shape: size of each axis; a text where the file has a symbol for it, which may be empty.  None where
            the file says nothing.
    """

    name: str
    dtype: str | None
    shape: tuple[int | str, ...] | None


@final
@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A file.

    Attributes:
        opset: version of the operators.
        inputs: what has to be given; initializers are not among them.
        outputs: what is computed.
        nodes: in the order of the file.
        initializers: named tensors, in the order of the file.
        origin: the path that was read.
        sha256: of the file.
        size: of the file in bytes.
    """

    opset: int
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    nodes: tuple[OnnxNode, ...]
    initializers: dict[str, OnnxTensor] = field(repr=False)
    origin: str
    sha256: str
    size: int

    def tensors(self) -> dict[str, OnnxTensor]:
        """All tensors that have a name: initializers, and what nodes of the operator Constant write."""
        found = dict(self.initializers)
        for node in self.nodes:
            value = node.attributes["value"].value if "value" in node.attributes else None
            if node.operator == "Constant" and node.outputs and isinstance(value, OnnxTensor):
                found[node.outputs[0]] = value
        return found


def torch_kind(name: str) -> torch.dtype:
    """The type of torch that has a name."""
    kind: torch.dtype = getattr(torch, name)
    return kind
