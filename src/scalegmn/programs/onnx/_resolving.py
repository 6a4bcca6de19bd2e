"""The nodes of a file in order: what each makes, and what is known before the network runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.checkpoints.onnx import OnnxModel, OnnxNode
from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.printable import NAME, printable
from scalegmn.programs import ValueType

from .operators import ONNX_OPERATORS, OnnxCall, OnnxOperator

FOLDED: Final = 2**26
"""Numbers of a value that is computed before the network runs."""
LARGEST: Final = 2**31
"""Numbers of a value that the network computes."""
_SHAPES: Final = frozenset({"Shape", "Size"})
"""Operators that read the shape of their input and none of its numbers."""

Known = NDArray[Any]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class OnnxStep:
    """A node that the network has to compute.

    Attributes:
        node: what the file says.
        operator: what it computes.
        known: numbers of its inputs, where they are known.
    """

    node: OnnxNode
    operator: OnnxOperator
    known: tuple[Known | None, ...]


@final
@dataclass(eq=False, kw_only=True)
class OnnxResolution:
    """What is found out, node by node.

    Attributes:
        shapes: every value so far, as a tensor without numbers.
        constants: values that depend on neither inputs nor parameters.
        steps: nodes that do, in order.
    """

    shapes: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, Tensor] = field(default_factory=dict)
    steps: list[OnnxStep] = field(default_factory=list)

    def known(self, name: str) -> Known | None:
        """The numbers of a value, if they are known."""
        value = self.constants.get(name)
        if value is None:
            return None
        return (value.to(torch.float32) if value.dtype == torch.bfloat16 else value).numpy()


def resolve(
    model: OnnxModel, *, inputs: Mapping[str, ValueType], parameters: Mapping[str, Tensor]
) -> OnnxResolution:
    """Go through all nodes once, without the numbers of inputs and parameters.

    Args:
        model: the file.
        inputs: kinds and shapes.
        parameters: by name.

    Raises:
        ProgramError: nodes do not hang together.
        UnsupportedOperationError: nothing is known of an operator.
    """
    found = OnnxResolution()
    for name, type_ in inputs.items():
        _place(found, name, _meta(torch.empty(type_.shape, dtype=getattr(torch, type_.dtype), device="meta")))
    for name, tensor in model.initializers.items():
        _place(found, name, _meta(tensor.value))
        if name not in parameters:
            found.constants[name] = tensor.value
    for node in model.nodes:
        _resolve_node(found, node, model, parameters)
    for output in model.outputs:
        if output.name not in found.shapes:
            raise ProgramError(
                f"{model.origin}: the output {printable(output.name, limit=NAME)} is written by no node, "
                "expected one; the file is damaged"
            )
    return found


def _resolve_node(
    found: OnnxResolution, node: OnnxNode, model: OnnxModel, parameters: Mapping[str, Tensor]
) -> None:
    if node.operator not in ONNX_OPERATORS:
        raise UnsupportedOperationError(
            f"{node.place} uses an operator of which nothing is known, expected one of the "
            f"{len(ONNX_OPERATORS.names())} that are; say what it computes with ONNX_OPERATORS.register, or "
            "export the network without it"
        )
    operator = ONNX_OPERATORS.get(node.operator)
    for name in node.inputs:
        if name and name not in found.shapes:
            later = any(name in other.outputs for other in model.nodes)
            raise ProgramError(
                f"{node.place} reads {printable(name, limit=NAME)}, which "
                f"{'is written later' if later else 'nothing writes'}, expected values that are there "
                "already; the file is damaged, export it again"
            )
    known = tuple(found.known(name) if name else None for name in node.inputs)
    shapes = [found.shapes[name] if name else None for name in node.inputs]
    step = OnnxStep(node=node, operator=operator, known=known)
    with torch.device("meta"):
        made = tuple(_meta(value) for value in computed(step, shapes, opset=model.opset))
    for name, value in zip(node.outputs, made, strict=False):
        if name:
            _check_size(node, value, LARGEST)
            _place(found, name, value)
    # A parameter that a node of the operator Constant holds is no constant.
    if any(name in parameters for name in node.outputs):
        return
    if node.operator not in _SHAPES and any(
        name and numbers is None for name, numbers in zip(node.inputs, known, strict=True)
    ):
        found.steps.append(step)
        return
    for value in made:
        _check_size(node, value, FOLDED)
    real = [_real(found, name, shape) for name, shape in zip(node.inputs, shapes, strict=True)]
    for name, value in zip(node.outputs, computed(step, real, opset=model.opset), strict=False):
        if name:
            found.constants[name] = value.contiguous()


def computed(step: OnnxStep, tensors: Sequence[Tensor | None], *, opset: int) -> tuple[Tensor, ...]:
    """What a node writes.

    Args:
        step: the node.
        tensors: its inputs.
        opset: version of the operators.

    Raises:
        ProgramError: it does not take its inputs.
    """
    call = OnnxCall(step.node, opset=opset, tensors=tensors, known=step.known)
    try:
        with torch.no_grad():
            made = step.operator.compute(call)
    except ProgramError:
        raise
    # PyTorch and Python have all of these for arguments that do not fit, and files may hold anything.
    except (
        RuntimeError,
        IndexError,
        TypeError,
        ValueError,
        KeyError,
        ArithmeticError,
        AttributeError,
    ) as error:
        words = printable(str(error).strip().partition("\n")[0], limit=160)
        raise ProgramError(
            f"{step.node.place} does not take its inputs: {type(error).__name__}: {words}; expected inputs "
            "as the operator has them; the file is damaged, or exported for other sizes"
        ) from error
    return (made,) if isinstance(made, Tensor) else tuple(made)


def _place(found: OnnxResolution, name: str, value: Tensor) -> None:
    if not name or name in found.shapes:
        raise ProgramError(
            f"the value {printable(name, limit=NAME) or 'without a name'} is given or written twice, "
            "expected a name of its own for each; the file is damaged"
        )
    found.shapes[name] = value


def _real(found: OnnxResolution, name: str, shape: Tensor | None) -> Tensor | None:
    """A known value, or the shape of one that is not."""
    return found.constants.get(name, shape) if name else None


def _meta(value: Tensor) -> Tensor:
    return torch.empty(tuple(value.shape), dtype=value.dtype, device="meta")


def _check_size(node: OnnxNode, value: Tensor, most: int) -> None:
    if value.numel() > most:
        raise ProgramError(
            f"{node.place} makes {value.numel():,} numbers, expected at most {most:,}; give smaller sizes, "
            "or export a smaller network"
        )
