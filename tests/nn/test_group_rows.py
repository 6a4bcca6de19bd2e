"""Groups of rows as masks."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn._group_rows import GroupRows
from scalegmn.symmetry import NonZeroScale, PositiveScale, Sign, SinePhase, Trivial

CODES = [group.code for group in (Trivial(), Sign(), PositiveScale(), NonZeroScale(), SinePhase(30.0))]


def test_mixed_rows() -> None:
    rows = GroupRows(torch.tensor(CODES))
    assert isinstance(rows.sign, torch.Tensor) and isinstance(rows.scale, torch.Tensor)
    assert rows.sign.tolist() == [[False], [True], [False], [True], [True]]
    assert rows.scale.tolist() == [[False], [False], [True], [True], [False]]
    assert rows.sign_rows.tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    ("code", "sign", "scale"), [(0, False, False), (1, True, False), (2, False, True), (3, True, True)]
)
def test_equal_rows_need_no_mask(code: int, sign: bool, scale: bool) -> None:
    rows = GroupRows(torch.full((4,), code))
    assert (rows.sign, rows.scale) == (sign, scale)


def test_no_rows() -> None:
    rows = GroupRows(torch.zeros(0, dtype=torch.long))
    assert (rows.sign, rows.scale) == (False, False)
    assert rows.sign_rows.numel() == 0


def test_take() -> None:
    rows = GroupRows(torch.tensor(CODES)).take(torch.tensor([3, 3, 0]))
    assert rows.codes.tolist() == [3, 3, 0]


@pytest.mark.parametrize("codes", [CODES, [2] * 5, [0] * 5])
def test_what_holds_for_all_rows_holds_for_some(codes: list[int]) -> None:
    rows, index = GroupRows(torch.tensor(codes)), torch.tensor([4, 0, 0])
    plain, checked = rows.take(index), rows.take_checked(index)
    assert torch.equal(plain.codes, checked.codes)
    for one, other in ((plain.sign, checked.sign), (plain.scale, checked.scale)):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(other))


def test_masks_are_masks_even_where_all_rows_agree() -> None:
    rows = GroupRows(torch.tensor([2, 2]))
    assert rows.scale_mask.tolist() == [[True], [True]] and rows.sign_mask.tolist() == [[False], [False]]
