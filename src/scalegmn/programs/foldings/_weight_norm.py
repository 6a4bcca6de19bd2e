"""Weight norm: the file holds lengths and directions, the network uses weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class WeightNormalized(Folding):
    """``w = g v / |v|`` (Salimans and Kingma, 2016, https://arxiv.org/abs/1602.07868).

    Many ``g`` and ``v`` say the same.  Written are those whose ``v`` are as long as in the file, and whose
    ``g`` have the signs of the file; a weight of 0 keeps its ``v``.

    Attributes:
        length: name of ``g`` in the file.
        direction: name of ``v`` in the file.
        weight: name of ``w``.
        dim: the axis along which there is one ``g`` each; -1 is one ``g`` for all.
    """

    length: str
    direction: str
    weight: str
    dim: int

    @property
    def files(self) -> tuple[str, ...]:
        return (self.length, self.direction)

    @property
    def effective(self) -> tuple[str, ...]:
        return (self.weight,)

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        direction, length = tensors[self.direction], tensors[self.length]
        return {self.weight: direction * (length / torch.norm_except_dim(direction, 2, self.dim))}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        weight = tensors[self.weight]
        before = like[self.direction].to(weight)
        norms = torch.norm_except_dim(weight, 2, self.dim)
        signs = torch.where(like[self.length].to(weight) < 0, -1.0, 1.0).to(weight)
        longer = torch.norm_except_dim(before, 2, self.dim) / torch.where(norms > 0, norms, 1.0)
        direction = torch.where(norms > 0, weight * (signs * longer), before)
        return {self.length: signs * norms, self.direction: direction}
