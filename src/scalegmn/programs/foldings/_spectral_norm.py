"""Spectral norm: the file holds a matrix and two vectors, the network uses the matrix over a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class SpectrallyNormalized(Folding):
    """``w = m / (u' m v)`` (Miyato et al., 2018, https://arxiv.org/abs/1802.05957).

    In evaluation ``u`` and ``v`` are used as they are, so every ``w`` but 0 can be written: as a multiple of
    itself, with its leading singular vectors, one of which takes the rest, so that ``u' w v = 1``.  What is
    unchanged is written as it was.  Training goes on from there with vectors of length 1, and then has a
    ``w`` of spectral norm 1 again: only elements that keep this norm survive it.

    Attributes:
        matrix: name of ``m`` in the file.
        left: name of ``u`` in the file.
        right: name of ``v`` in the file.
        weight: name of ``w``.
        dim: the axis of ``w`` that are the rows of the matrix.
    """

    matrix: str
    left: str
    right: str
    weight: str
    dim: int

    @property
    def files(self) -> tuple[str, ...]:
        return (self.matrix, self.left, self.right)

    @property
    def effective(self) -> tuple[str, ...]:
        return (self.weight,)

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        matrix = tensors[self.matrix]
        return {self.weight: matrix / self._norm(matrix, tensors[self.left], tensors[self.right])}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        weight = tensors[self.weight]
        left, right = like[self.left].to(weight), like[self.right].to(weight)
        size = self._norm(like[self.matrix].to(weight), left, right)
        rounding = 8 * max(len(left), len(right)) * torch.finfo(weight.dtype).eps
        if abs(float(self._norm(weight, left, right)) - 1) > rounding:
            left, right = self._singular(weight)
        return {self.matrix: weight * size, self.left: left, self.right: right}

    def _norm(self, weight: Tensor, left: Tensor, right: Tensor) -> Tensor:
        return torch.dot(left, torch.mv(self._as_matrix(weight), right))

    def _singular(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Leading singular vectors, the left one over the singular value."""
        left, values, right = torch.linalg.svd(self._as_matrix(weight), full_matrices=False)
        if not float(values[0]) > 0:
            raise ProgramError(
                f"the weight {self.weight} is 0, expected another one, since it is divided by its spectral "
                "norm; choose an element that leaves some of it"
            )
        return left[:, 0] / values[0], right[0]

    def _as_matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)
