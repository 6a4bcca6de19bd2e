"""What PyTorch records of a module: its operations, as `torch.export` finds them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn.attention import SDPBackend, sdpa_kernel

from scalegmn.errors import ProgramError
from scalegmn.printable import printable


def export(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ExportedProgram:
    """Record a module in evaluation mode, as core operations.

    Args:
        module: whose modes are afterwards what they were.
        args: positional arguments of its ``forward``.
        kwargs: named ones.

    Raises:
        ProgramError: PyTorch cannot record it.
    """
    with _evaluating(module), warnings.catch_warnings(), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        warnings.simplefilter("ignore")
        try:
            exported = torch.export.export(module, tuple(args), dict(kwargs), strict=False)
            return exported.run_decompositions()
        except Exception as error:
            raise ProgramError(
                f"{type(module).__name__} cannot be traced: {printable(str(error)).splitlines()[0][:300]}; "
                "expected a forward whose operations and shapes do not depend on the numbers"
            ) from error


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
