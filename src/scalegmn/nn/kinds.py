"""Rows that cannot be told apart, and one of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from scalegmn.shapes import RowIntegers


@final
@dataclass(frozen=True, eq=False)
class Kinds:
    """Rows by a code that equal rows share.

    Attributes:
        of_rows: the number of the kind of every row, ``(M,)``.
        examples: a row of every kind, ``(C,)``.
    """

    of_rows: RowIntegers
    examples: Int[Tensor, "C"]

    @staticmethod
    def of(codes: RowIntegers) -> Kinds:
        """The kinds of rows with these codes ``(M,)``, in the order of the codes."""
        kinds, of_rows = codes.unique(return_inverse=True)
        examples = torch.empty_like(kinds)
        # Of the rows of a kind any one will do.
        examples[of_rows] = torch.arange(len(codes), device=codes.device)
        return Kinds(of_rows, examples)
