"""The group of every row of a feature matrix, in the form that the building blocks read."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from scalegmn.shapes import RowIntegers
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT


class GroupRows:
    """Groups of M rows, which may differ (mixed activations, mixed networks).

    Args:
        codes: :attr:`Group.code` of every row, ``(M,)``.
    """

    def __init__(self, codes: RowIntegers) -> None:
        self.codes = codes

    @cached_property
    def sign(self) -> Tensor | bool:
        """Which rows may change sign: a mask ``(M, 1)``, or one truth for all."""
        return _mask(self.codes, SIGN_BIT)

    @cached_property
    def scale(self) -> Tensor | bool:
        """Which rows may be scaled by a positive number: a mask ``(M, 1)``, or one truth for all."""
        return _mask(self.codes, SCALE_BIT)

    @cached_property
    def sign_rows(self) -> Tensor:
        """Numbers of the rows that may change sign."""
        return torch.nonzero(self.codes & SIGN_BIT).squeeze(1)

    def take(self, index: Tensor) -> GroupRows:
        """The groups of the rows `index`."""
        taken = GroupRows(self.codes.index_select(0, index))
        # What holds for all rows holds for some of them, and need not be counted again.
        if isinstance(self.sign, bool) and index.numel():
            taken.sign = self.sign
        if isinstance(self.scale, bool) and index.numel():
            taken.scale = self.scale
        return taken


def _mask(codes: Tensor, bit: int) -> Tensor | bool:
    mask = (codes & bit) != 0
    count = int(mask.sum())
    if count in (0, mask.numel()):
        return count > 0
    return mask.unsqueeze(1)
