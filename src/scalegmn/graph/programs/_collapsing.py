"""Positions that are alike count once: of the tokens of a sequence there are few kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ._values import Frame, narrowed_to, varying
from ._wiring import distinct


@final
@dataclass(frozen=True, eq=False)
class Collapsed:
    """Factors with one entry for each kind of position along every axis.

    Attributes:
        first, second: the nodes of both, over all axes of the frame.
        frame: the axes, shorter.
        kinds: for axes that became shorter, the kind of every position.
    """

    first: Tensor
    second: Tensor
    frame: Frame
    kinds: Mapping[int, Tensor]

    def restored(self, entries: Tensor) -> Tensor:
        """Entries over the axes that stay, one for each position again."""
        for axis, kind in self.kinds.items():
            if axis < self.frame.kept:
                entries = _taken(entries, axis, kind)
        return entries


def collapsed(first: Tensor, second: Tensor, frame: Frame) -> Collapsed:
    """Leave out positions along an axis at which both factors are what they are at another one.

    Without this, attention would have as many products as pairs of tokens.  What is made of the factors may
    not depend on how often an entry stands in a sum.
    """
    kinds = {}
    shape = list(frame.shape)
    for axis, size in enumerate(frame.shape):
        numbers = [_kinds(ids, axis) for ids in (first, second) if varying(ids)[axis]]
        if not numbers:
            continue
        index, kind = distinct(torch.stack(numbers, dim=1))
        if len(index) < size:
            kinds[axis], shape[axis] = kind, len(index)
            first, second = (_taken(ids, axis, index) for ids in (first, second))
    return Collapsed(first, second, Frame(tuple(shape), frame.kept), kinds)


def _kinds(ids: Tensor, axis: int) -> Tensor:
    """A number for every position along an axis; equal ones have equal entries."""
    entries = narrowed_to(ids, varying(ids)).movedim(axis, 0)
    return distinct(entries.reshape(entries.shape[0], -1))[1]


def _taken(ids: Tensor, axis: int, index: Tensor) -> Tensor:
    """Entries at some positions along an axis, broadcast as before."""
    varies = varying(ids)
    shape = [len(index) if other == axis else size for other, size in enumerate(ids.shape)]
    entries = narrowed_to(ids, varies)
    return (entries.index_select(axis, index) if varies[axis] else entries).expand(shape)
