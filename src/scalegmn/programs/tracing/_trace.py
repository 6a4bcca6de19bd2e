"""Trace a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scalegmn.networks.modules import ModuleArgument
from scalegmn.programs import Program

from ._building import Builder
from ._computed import with_plain_weights
from ._exporting import export
from ._refusals import check_traceable
from ._tying import tied_names
from ._unwrapping import unwrap


def trace(
    module: ModuleArgument, example_inputs: Sequence[Any], *, example_kwargs: Mapping[str, Any] | None = None
) -> Program:
    """Turn a network into a program.

    The network is traced in evaluation mode, at the sizes of the example.  Wrappers are taken off
    (:func:`unwrap`), and parameters are named as in the state dict of what is inside.

    Args:
        module: a network.
        example_inputs: positional arguments of its ``forward``.
        example_kwargs: named ones.

    Raises:
        ProgramError: it cannot be traced; says which module in it is at fault, and what to do.
        UnsupportedOperationError: it uses an operation that nothing is known of.

    Example:
        >>> import torch
        >>> from scalegmn.programs.tracing import trace
        >>> from torch import nn
        >>> program = trace(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), (torch.zeros(1, 3),))
        >>> [instruction.operation for instruction in program.instructions if instruction.module == "1"]
        ['aten.relu.default']
    """
    module = unwrap(module)
    check_traceable(module)
    plain, foldings = with_plain_weights(module)
    exported = export(plain, example_inputs, example_kwargs or {})
    return Builder(exported, tied=tied_names(plain), foldings=foldings).build()
