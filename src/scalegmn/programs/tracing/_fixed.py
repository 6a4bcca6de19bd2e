"""What a program cannot say: operations whose answers, or whose shapes, are not fixed by the code."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.fx import Node

from scalegmn.errors import ProgramError, UnsupportedOperationError

from ._places import where

FOLDED: Final = 2**26
"""Entries of a value that is computed while tracing."""
SHAPE_ONLY: Final = frozenset(
    {"full_like", "zeros_like", "ones_like", "new_zeros", "new_ones", "new_full", "empty_like", "new_empty"}
)
"""Operations that read the shape of what they are given, and none of its numbers."""

UNFILLED: Final = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
"""Operations that take memory as it is; a program has zeros there, so that it is the same each time."""


def check_fixed(node: Node) -> None:
    """Refuse a call whose outcome is not a fixed function of tensors of fixed shapes.

    Raises:
        UnsupportedOperationError: it draws random numbers, or chooses between graphs.
        ProgramError: it makes a number or a shape of Python out of the numbers of a tensor.
    """
    if not isinstance(node.target, torch._ops.OpOverload):
        raise UnsupportedOperationError(
            f"{where(node)} uses {node.target}, which chooses by numbers what is computed; expected "
            "operations in a fixed order: compute all cases and choose with torch.where"
        )
    if torch.Tag.nondeterministic_seeded in node.target.tags and not _is_idle(node):
        raise UnsupportedOperationError(
            f"{where(node)} draws random numbers in evaluation mode ({node.target}), expected a function of "
            "the input; let it depend on self.training, as nn.Dropout does"
        )
    if not _has_fixed_shapes(node.meta["val"]):
        raise ProgramError(
            f"{where(node)} makes a shape or a number of Python out of the numbers of a tensor "
            f"({node.target}), expected the same shapes for all inputs; keep it a tensor, or "
            "mask with torch.where"
        )


def check_small(node: Node) -> None:
    """Refuse to compute a value while tracing that would fill the memory.

    Raises:
        ProgramError: it has too many entries.
    """
    values = node.meta["val"] if isinstance(node.meta["val"], (list, tuple)) else (node.meta["val"],)
    entries = sum(value.numel() for value in values if isinstance(value, Tensor))
    if entries > FOLDED:
        raise ProgramError(
            f"{where(node)} makes a constant of {entries:,} numbers ({node.target}), expected at most "
            f"{FOLDED:,}; trace it with a smaller example"
        )


def _is_idle(node: Node) -> bool:
    """Whether an operation that can draw numbers does not, as attention without dropout."""
    expected = node.target._schema.arguments  # type: ignore[union-attr]
    given: dict[str, Any] = {argument.name: argument.default_value for argument in expected}
    given |= zip((argument.name for argument in expected), node.args, strict=False)
    given |= node.kwargs
    chance = given.get("dropout_p", given.get("p"))
    return given.get("train", given.get("training")) is False or chance == 0


def _has_fixed_shapes(value: Any) -> bool:
    if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool)):
        return False
    if isinstance(value, Tensor):
        return all(isinstance(size, int) for size in value.shape)
    if isinstance(value, (list, tuple)):
        return all(_has_fixed_shapes(part) for part in value)
    return True
