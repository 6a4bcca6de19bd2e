"""A node with its inputs, as operators see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast, final

from numpy.typing import NDArray
from torch import Tensor

from scalegmn.checkpoints.onnx import OnnxNode, OnnxTensor
from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.printable import printable

T = TypeVar("T")


@final
class OnnxCall:
    """One node, while its outputs are computed: with real tensors, or with tensors that are traced.

    Args:
        node: what the file says.
        opset: version of the operators.
        tensors: inputs in order; None where one is left out.
        known: numbers of those that depend on neither parameters nor inputs of the network.
    """

    def __init__(
        self,
        node: OnnxNode,
        *,
        opset: int,
        tensors: Sequence[Tensor | None],
        known: Sequence[NDArray[Any] | None],
    ) -> None:
        self.node = node
        self.opset = opset
        self.tensors = tuple(tensors)
        self.known = tuple(known)
        given = [index for index, tensor in enumerate(tensors) if tensor is not None]
        self._constant = all(self.known[index] is not None for index in given)

    @property
    def outputs(self) -> int:
        """How many outputs the node has."""
        return len(self.node.outputs)

    def given(self, index: int) -> bool:
        """Whether there is an input at a place."""
        return index < len(self.tensors) and self.tensors[index] is not None

    def tensor(self, index: int = 0) -> Tensor:
        """An input that has to be there."""
        found = self.optional(index)
        if found is None:
            raise self.refusal(f"lacks its input {index}", "all inputs of the operator", "export it again")
        return found

    def optional(self, index: int) -> Tensor | None:
        """An input that may be left out."""
        return self.tensors[index] if self.given(index) else None

    def operand(self, index: int) -> Any:
        """An input as a number of Python, if it is a single known one beside others that are not known.

        Numbers stand in programs as such, and rules of operations read them there.
        """
        tensor, known = self.tensor(index), self.known[index]
        others = [one.dim() for one in self.tensors if one is not None and one is not tensor]
        if known is None or self._constant or known.size != 1 or known.ndim > max(others, default=0):
            return tensor
        return known.item()

    def numbers(self, index: int) -> NDArray[Any]:
        """The numbers of an input that says how something is done.

        Raises:
            ProgramError: they are not known before the network runs.
        """
        self.tensor(index)
        known = self.known[index]
        if known is None:
            raise self.refusal(
                f"takes its input {index} ({printable(self.node.inputs[index], limit=80)}) from what the "
                "network computes",
                "a number or a shape that is fixed",
                "export the network for fixed sizes",
            )
        return known

    def ints(self, index: int) -> list[int]:
        """The same as integers, flat."""
        return [int(value) for value in self.numbers(index).reshape(-1)]

    def number(self, index: int, default: T) -> float | T:
        """A single number at a place, if it is there."""
        if not self.given(index):
            return default
        found = self.numbers(index).reshape(-1)
        if found.size != 1:
            raise self.refusal(f"has {found.size} numbers in its input {index}", "one", "export it again")
        return float(found[0])

    def has(self, name: str) -> bool:
        """Whether the node has an attribute."""
        return name in self.node.attributes

    def integer(self, name: str, default: int) -> int:
        """An attribute that is an integer."""
        return cast(int, self._attribute(name, "int", default))

    def real(self, name: str, default: float) -> float:
        """An attribute that is a real number."""
        return cast(float, self._attribute(name, "float", default))

    def text(self, name: str, default: str) -> str:
        """An attribute that is a text."""
        return cast(str, self._attribute(name, "text", default))

    def integers(self, name: str) -> list[int] | None:
        """An attribute that is a list of integers; None without it."""
        found = self._attribute(name, "ints", None)
        return None if found is None else list(found)

    def tensor_of(self, name: str) -> Tensor:
        """An attribute that is a tensor."""
        return cast(OnnxTensor, self._attribute(name, "tensor", None)).value

    def kind(self, name: str) -> str:
        """The type of an attribute, such as ``ints``; empty where there is no such attribute."""
        return self.node.attributes[name].kind if self.has(name) else ""

    def setting(self, name: str) -> Any:
        """An attribute of any kind."""
        return self.node.attributes[name].value

    def axis(self, rank: int, default: int, *, most: int | None = None) -> int:
        """The attribute ``axis``, counted from 0.

        Args:
            rank: of the value that has it; negative axes count from there.
            default: without the attribute.
            most: one more than the largest one, by default the rank.
        """
        found = self.integer("axis", default)
        if not -rank <= found < (rank if most is None else most):
            raise self.refusal(
                f"has the axis {found} of a value of {rank}", "one that is there", "export it again"
            )
        return found + rank if found < 0 else found

    def axes(self, index: int, name: str = "axes") -> list[int] | None:
        """Axes, which older versions have as an attribute and newer ones as an input; None without them."""
        if self.given(index):
            return self.ints(index)
        return self.integers(name)

    def only(self, name: str, *allowed: object, default: object) -> None:
        """Refuse values of an attribute of which nothing is known."""
        found = self.setting(name) if self.has(name) else default
        if found not in allowed:
            raise self.unsupported(f"has {name}={found!r}", " or ".join(map(repr, allowed)))

    def refusal(self, what: str, expected: str, remedy: str) -> ProgramError:
        """The error for a node that does not hang together."""
        return ProgramError(f"{self.node.place} {what}, expected {expected}; {remedy}")

    def unsupported(self, what: str, expected: str) -> UnsupportedOperationError:
        """The error for a form of an operator of which nothing is known."""
        return UnsupportedOperationError(
            f"{self.node.place} {what}, of which nothing is known, expected {expected}; export the network "
            "without it"
        )

    def _attribute(self, name: str, kind: str, default: Any) -> Any:
        found = self.node.attributes.get(name)
        if found is None:
            return default
        if found.kind != kind:
            raise self.refusal(f"has the attribute {name} as {found.kind}", kind, "export it again")
        return found.value
