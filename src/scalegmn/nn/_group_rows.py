"""The group of every row of a feature matrix, in the form that the building blocks read."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from scalegmn.shapes import RowIntegers, RowMask
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT


class GroupRows:
    """Groups of M rows, which may differ (mixed activations, mixed networks).

    A row of node features belongs to a neuron i, and is multiplied by ``q_i`` (or ``1/q_i``) when the network
    is transformed.  Its group says which ``q_i`` there are: the sign may change, the scale may, both or
    neither.

    Args:
        codes: :attr:`scalegmn.symmetry.Group.code` of every row, ``(M,)``.
    """

    def __init__(self, codes: RowIntegers) -> None:
        self.codes = codes

    @cached_property
    def sign_mask(self) -> RowMask:
        """Which rows may change sign, ``(M, 1)``."""
        return ((self.codes & SIGN_BIT) != 0).unsqueeze(1)

    @cached_property
    def scale_mask(self) -> RowMask:
        """Which rows may be scaled by a positive number, ``(M, 1)``."""
        return ((self.codes & SCALE_BIT) != 0).unsqueeze(1)

    @cached_property
    def sign(self) -> Tensor | bool:
        """:attr:`sign_mask`, or one truth for all rows where they agree."""
        return _all_or_none(self.sign_mask)

    @cached_property
    def scale(self) -> Tensor | bool:
        """:attr:`scale_mask`, or one truth for all rows where they agree."""
        return _all_or_none(self.scale_mask)

    @cached_property
    def sign_rows(self) -> Tensor:
        """Indices of the rows that may change sign."""
        return torch.nonzero(self.codes & SIGN_BIT).squeeze(1)

    def take(self, index: Tensor) -> GroupRows:
        """The groups of the rows `index`."""
        return GroupRows(self.codes.index_select(0, index))

    def take_checked(self, index: Tensor) -> GroupRows:
        """The same, where it is worth knowing whether all rows agree.

        What holds for all rows holds for some of them, and need not be counted again.
        """
        taken = self.take(index)
        if isinstance(self.sign, bool) and index.numel():
            taken.sign = self.sign
        if isinstance(self.scale, bool) and index.numel():
            taken.scale = self.scale
        return taken


def _all_or_none(mask: Tensor) -> Tensor | bool:
    count = int(mask.sum())
    return count > 0 if count in (0, mask.numel()) else mask
