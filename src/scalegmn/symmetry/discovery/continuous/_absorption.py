"""A product of two matrices beside a third one, which takes back what the product becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Program

from ._part import ContinuousPart
from ._slopes import CUT, counted, drawn, jacobian


@final
class Absorption(ContinuousPart):
    """``A -> A', B -> B', W -> W + s (B A - B' A')``, for all ``A'`` and ``B'``: a low-rank adapter.

    Args:
        names: of ``W``, ``B`` and ``A``.
        factor: ``s``, by which the network multiplies the product.
        dimension: how many directions it adds.
    """

    def __init__(self, *, names: tuple[str, str, str], factor: float, dimension: int) -> None:
        super().__init__(notation="an absorbed product", parameters=names, dimension=dimension)
        self._factor: Final = factor

    def counted_as(self, dimension: int) -> Absorption:
        """The same with another dimension."""
        whole, left, right = self.parameters
        return Absorption(names=(whole, left, right), factor=self._factor, dimension=dimension)

    def move(
        self, parameters: Mapping[str, Tensor], generator: torch.Generator, *, spread: float = 0.5
    ) -> dict[str, Tensor]:
        whole, left, right = self.parameters
        b, a = (
            parameters[name]
            + spread * torch.randn(parameters[name].shape, generator=generator, dtype=torch.float64)
            for name in (left, right)
        )
        taken = self._factor * (parameters[left] @ parameters[right] - b @ a)
        return {**parameters, whole: parameters[whole] + taken, left: b, right: a}

    def directions(self, parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        whole, left, right = self.parameters
        b, a = parameters[left], parameters[right]
        found = []
        for unit in torch.eye(b.numel(), dtype=torch.float64).reshape(-1, *b.shape):
            found.append({left: unit, whole: -self._factor * unit @ a})
        for unit in torch.eye(a.numel(), dtype=torch.float64).reshape(-1, *a.shape):
            found.append({right: unit, whole: -self._factor * b @ unit})
        return found


def absorptions(program: Program, generator: torch.Generator) -> Iterator[Absorption]:
    """All of them, tried on every three matrices that fit."""
    matrices = {p.name: p.type.shape for p in counted(program) if len(p.type.shape) == 2}
    for whole, left, right in permutations(matrices, 3):
        (rows, columns), b, a = matrices[whole], matrices[left], matrices[right]
        if b[0] != rows or a[1] != columns or b[1] != a[0] or not b[1] < min(rows, columns):
            continue
        factors = [_factor(program, (whole, left, right), generator) for _ in range(2)]
        first, second = factors
        if first is not None and second is not None and abs(first - second) <= CUT * abs(first):
            yield Absorption(names=(whole, left, right), factor=first, dimension=0)


def _factor(program: Program, names: tuple[str, str, str], generator: torch.Generator) -> float | None:
    """``s`` with ``df/dA = s B^T df/dW`` and ``df/dB = s df/dW A^T``, if there is one."""
    theta = drawn(program, generator)
    slopes = jacobian(program, theta, names, generator)
    whole, left, right = (slopes[name] for name in names)
    expected = torch.cat([(whole @ theta[names[2]].T).flatten(), (theta[names[1]].T @ whole).flatten()])
    found = torch.cat([left.flatten(), right.flatten()])
    size = expected @ expected
    if not bool(size > 0):
        return None
    factor = (expected @ found) / size
    misses = (found - factor * expected).norm() > CUT * found.norm()
    return None if bool(misses) or not bool(factor != 0) else float(factor)
