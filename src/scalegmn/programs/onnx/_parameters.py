"""Which tensors of a file are parameters of the network, and which are constants of its code.

A file does not say.  It has initializers for both, and exporters give parameters new names where they have
transposed them (``onnx::MatMul_215``), so names do not tell either.  What tells is how a tensor is used:

- a tensor of real numbers that stands where an operator has its weights (the kernel of a convolution, a
  factor of a matrix product, the gain of a norm, the table of a lookup) is a parameter, also if a node of
  the operator Constant holds it and it meets what hangs on the input, unless all numbers there are the same:
  exporters put a gain of ones where an operator wants one and the network has none;
- any other initializer of several real numbers is one as well: a bias that is added, a gain that is
  multiplied, a token that is joined, a table of positions;
- a single number is one if its name says so (``layer.scale``); others are the ``1 / sqrt(d)``, the ``eps``
  and the exponents of the code, which exporters put into initializers too;
- numbers that say how something is done (bounds, scales of a map, widths), integers, truth values and
  tensors with infinities among them, which are masks, are constants.

A wrong choice costs no exactness: a constant that is taken for a parameter has scales of its own, and the
function stays for all elements of the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.checkpoints.onnx import OnnxModel, OnnxNode, OnnxTensor
from scalegmn.errors import ProgramError
from scalegmn.printable import NAME, printable

from .operators import ONNX_OPERATORS

_VIEWS: Final = frozenset(
    {"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Expand"}
)
"""Operators whose first input goes on as it is."""
_NAMES: Final = frozenset({"weight", "bias", "gain", "scale", "gamma", "beta", "alpha", "slope", "kernel"})
"""Last words of names of parameters."""


@final
@dataclass(frozen=True, kw_only=True)
class ParameterChoice:
    """A tensor that is a parameter.

    Attributes:
        value: its numbers.
        buffer: whether it is a statistic, which is not trained.
    """

    value: Tensor
    buffer: bool


def parameters_of(model: OnnxModel) -> dict[str, ParameterChoice]:
    """All parameters of a network, by name, in the order of the file.

    Raises:
        ProgramError: a parameter has numbers that are not finite.
    """
    readers: dict[str, list[tuple[OnnxNode, int]]] = {}
    for node in model.nodes:
        for place, name in enumerate(node.inputs):
            readers.setdefault(name, []).append((node, place))
    asked = _hanging_on_inputs(model)
    found: dict[str, ParameterChoice] = {}
    for name, tensor in model.tensors().items():
        uses = list(_uses(name, readers))
        if not uses or not tensor.value.is_floating_point():
            continue
        _check_numbers(tensor, name, model)
        if any(_stands(use, "settings") for use in uses):
            continue
        weight = any(_stands(use, "weights") for use in uses)
        statistic = all(_stands(use, "statistics") for use in uses)
        if name in model.initializers:
            chosen = weight or statistic or _is_parameter(name, tensor.value)
        else:
            met = any(_stands(use, "weights", "statistics") and _meets(use, asked) for use in uses)
            chosen = met and not _is_uniform(tensor.value)
        if chosen:
            _check_finite(tensor, name, model)
            found[name] = ParameterChoice(value=tensor.value, buffer=statistic)
    return found


def _uses(name: str, readers: dict[str, list[tuple[OnnxNode, int]]]) -> Iterator[tuple[OnnxNode, int]]:
    """Who reads a value, through what only rearranges it."""
    waiting, seen = [name], {name}
    while waiting:
        for node, place in readers.get(waiting.pop(), ()):
            if node.operator in _VIEWS and place == 0:
                new = [output for output in node.outputs if output not in seen]
                seen.update(new)
                waiting.extend(new)
            yield node, place


def _hanging_on_inputs(model: OnnxModel) -> set[str]:
    """Names of values that are not fixed."""
    found = {value.name for value in model.inputs}
    for node in model.nodes:
        if found.intersection(node.inputs):
            found.update(node.outputs)
    return found


def _meets(use: tuple[OnnxNode, int], asked: set[str]) -> bool:
    """Whether a node that reads a tensor reads something that hangs on the input as well."""
    return not asked.isdisjoint(use[0].inputs)


def _stands(use: tuple[OnnxNode, int], *places: str) -> bool:
    node, place = use
    if node.operator not in ONNX_OPERATORS:
        return False
    operator = ONNX_OPERATORS.get(node.operator)
    named = {"weights": operator.weights, "statistics": operator.statistics, "settings": operator.settings}
    return any(place in named[one] for one in places)


def _is_parameter(name: str, value: Tensor) -> bool:
    """Whether an initializer that is added, multiplied or joined is a parameter."""
    if value.numel() == 1:
        return name.replace("/", ".").rpartition(".")[2] in _NAMES
    return value.numel() > 1 and bool(torch.isfinite(value).all())


def _is_uniform(value: Tensor) -> bool:
    return value.numel() == 0 or bool((value == value.reshape(-1)[0]).all())


def _check_numbers(tensor: OnnxTensor, name: str, model: OnnxModel) -> None:
    if bool(torch.isnan(tensor.value).any()):
        raise ProgramError(
            f"{model.origin}: the tensor {printable(name, limit=NAME)} holds NaN, expected numbers; the "
            "training that made it probably diverged, leave this network out"
        )


def _check_finite(tensor: OnnxTensor, name: str, model: OnnxModel) -> None:
    if not bool(torch.isfinite(tensor.value).all()):
        raise ProgramError(
            f"{model.origin}: the weights {printable(name, limit=NAME)} hold infinite numbers, expected "
            "finite ones; the training that made them probably diverged, leave this network out"
        )
