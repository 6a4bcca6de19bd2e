"""Trace a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from scalegmn.networks.modules import ModuleArgument
from scalegmn.programs import Program

from ._arguments import arguments_of, check_call
from ._building import Builder
from ._computed import with_plain_weights
from ._exporting import export
from ._refusals import check_traceable
from ._sequential import example_of
from ._tying import tied_names
from ._unwrapping import unwrap


def trace(
    module: ModuleArgument,
    example_inputs: Sequence[Any] | Tensor | None = (),
    *,
    example_kwargs: Mapping[str, Any] | None = None,
) -> Program:
    """Turn a network into a program.

    The network is traced in evaluation mode, at the sizes of the example.  Wrappers are taken off
    (:func:`unwrap`), and parameters are named as in the state dict of what is inside.

    Args:
        module: a network.
        example_inputs: positional arguments of its ``forward``, or a tensor, if that is the only one.
            ``nn.Sequential`` needs none: its first layer says what it takes, and of the sides 32, 28, 64, 96,
            128, 224, 227, 256, 299, 16, 14, 12, 8, 4, 2, 1 of images the first is taken with which it runs.
        example_kwargs: named ones.

    Raises:
        ProgramError: it cannot be traced; says which module in it is at fault, and what to do.
        UnsupportedOperationError: it uses an operation that nothing is known of.

    Example:
        >>> from scalegmn.programs.tracing import trace
        >>> from torch import nn
        >>> program = trace(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)))
        >>> [instruction.operation for instruction in program.instructions if instruction.module == "1"]
        ['aten.relu.default']
    """
    module = unwrap(module)
    check_traceable(module)
    example_inputs = arguments_of(example_inputs)
    if isinstance(module, nn.Sequential) and not example_inputs and not example_kwargs:
        example_inputs = (example_of(module),)
    check_call(module, example_inputs, example_kwargs or {})
    plain, foldings = with_plain_weights(module)
    exported = export(plain, example_inputs, example_kwargs or {})
    return Builder(exported, tied=tied_names(plain), foldings=foldings).build()


def trace_named(module: nn.Module, example_inputs: Sequence[Tensor], *, names: Mapping[str, str]) -> Program:
    """Turn a module that the library has made itself into a program.

    Args:
        module: whose parameters are what they seem: none is shared, computed or patched.
        example_inputs: positional arguments of its ``forward``.
        names: what the program calls parameters, by their names in the module.

    Raises:
        ProgramError: it cannot be traced.
        UnsupportedOperationError: it uses an operation that nothing is known of.
    """
    return Builder(export(module, example_inputs, {}), tied={}, foldings=(), names=names).build()
