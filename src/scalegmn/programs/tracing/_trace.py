"""Trace a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from scalegmn.programs import Program

from ._building import Builder
from ._exporting import export


def trace(
    module: nn.Module, example_inputs: Sequence[Any], *, example_kwargs: Mapping[str, Any] | None = None
) -> Program:
    """Turn a network into a program.

    Args:
        module: a network.
        example_inputs: positional arguments of its ``forward``.
        example_kwargs: named ones.

    Raises:
        ProgramError: it cannot be traced.
        UnsupportedOperationError: it uses an operation that nothing is known of.
    """
    return Builder(export(module, example_inputs, example_kwargs or {})).build()
