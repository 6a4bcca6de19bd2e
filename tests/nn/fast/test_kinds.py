"""Kinds of rows."""

from __future__ import annotations

import torch

from scalegmn.nn.fast._kinds import Kinds


def test_kinds_by_hand() -> None:
    codes = torch.tensor([7, 3, 7, 7, 9])
    kinds = Kinds.from_codes(codes)
    assert kinds.of_rows.tolist() == [1, 0, 1, 1, 2]
    assert codes[kinds.examples].tolist() == [3, 7, 9]


def test_no_rows_have_no_kinds() -> None:
    kinds = Kinds.from_codes(torch.empty(0, dtype=torch.long))
    assert kinds.of_rows.numel() == kinds.examples.numel() == 0
