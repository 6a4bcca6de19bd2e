"""What PyTorch records of a module: its operations, as `torch.export` finds them."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.nn.attention import SDPBackend, sdpa_kernel

from scalegmn.errors import ProgramError
from scalegmn.printable import printable

from ._places import where_raised

_WORDS: Final = 200
"""Characters of PyTorch's own words in a message."""


def export(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ExportedProgram:
    """Record a module in evaluation mode, as core operations.

    Args:
        module: whose modes are afterwards what they were, as are those of all modules in it.
        args: positional arguments of its ``forward``.
        kwargs: named ones.

    Raises:
        ProgramError: PyTorch cannot record it.
    """
    # PyTorch's default way through attention on processors cannot always be taken apart; the plain one can.
    with evaluating(module), _quiet(), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        try:
            exported = torch.export.export(module, tuple(args), dict(kwargs), strict=False)
            return exported.run_decompositions()
        except Exception as error:
            raise ProgramError(_why(error, module)) from error


def _why(error: Exception, module: nn.Module) -> str:
    place = where_raised(error, module)
    if _is_choice(error):
        return (
            f"{place} decides by the numbers of a tensor what is computed (an if, a loop, a size or an "
            "index), expected the same operations for all inputs; compute both cases and choose "
            "with torch.where, or trace the parts one by one"
        )
    words = printable(str(error).strip().partition("\n")[0], limit=_WORDS)
    return (
        f"{place} cannot be traced with this example: {type(error).__name__}: {words}; expected a forward of "
        "PyTorch's operations that runs on the example_inputs, with shapes that do not depend on numbers"
    )


def _is_choice(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, GuardOnDataDependentSymNode):
            return True
        error = error.__cause__
    return False


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode; all modes are afterwards what they were."""
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what PyTorch says beside its errors from the terminal: graphs, warnings, tracebacks."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        unread = io.StringIO()
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(unread),
            contextlib.redirect_stdout(unread),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
