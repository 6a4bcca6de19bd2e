"""Rows that share a code, and one example of each code."""

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
        of_rows: the index of the kind of every row, ``(M,)``.
        examples: the index of a row of every kind, ``(C,)``.
    """

    of_rows: RowIntegers
    examples: Int[Tensor, "C"]

    @classmethod
    def from_codes(cls, codes: RowIntegers) -> Kinds:
        """The kinds of rows with these codes ``(M,)``, in the order of the codes."""
        kinds, of_rows = codes.unique(return_inverse=True)
        examples = torch.empty_like(kinds)
        # Any row of a kind will do.
        examples[of_rows] = torch.arange(len(codes), device=codes.device)
        return cls(of_rows, examples)
