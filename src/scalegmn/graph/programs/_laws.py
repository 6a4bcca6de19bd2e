"""The laws of nodes as numbers: two nodes have one law if and only if their numbers agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.symmetry.discovery import GradedAlgebra

from ._algebra import GraphAlgebra

_DRAWS: Final = 48
"""Random elements that signs are tried with, one bit of a number each: two laws agree by chance once in
10^14."""
_TOLERANCE: Final = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Laws:
    """What a random element of the group does to each node.

    Attributes:
        scale: log-scales under one random element, ``(V,)``.
        sign: flips under several, one bit each, ``(V,)``.
    """

    scale: Tensor
    sign: Tensor

    @classmethod
    def from_algebra(cls, algebra: GraphAlgebra) -> Laws:
        """Solve the conditions, and draw."""
        nodes = algebra.wiring.count
        scale = torch.zeros(nodes, dtype=torch.float64)
        sign = torch.zeros(nodes, dtype=torch.int64)
        numbers = _numbers(algebra.scales)
        bits = _bits(algebra.signs)
        for batch in algebra.wiring.batches:
            rows = slice(batch.start, batch.start + batch.count)
            for term in algebra.scales.cells.resolve(batch.scale).terms:
                scale[rows] += float(term.coefficient) * numbers[term.ids.clamp_min(0)]
            for term in algebra.signs.cells.resolve(batch.sign).terms:
                if term.coefficient.numerator % 2:
                    sign[rows] ^= bits[term.ids.clamp_min(0)]
        return cls(scale, sign)

    def alike(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether pairs of nodes have one law."""
        a, b = self.scale[first], self.scale[second]
        return ((a - b).abs() <= _TOLERANCE * (1 + a.abs())) & (self.sign[first] == self.sign[second])

    def doubled(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether the second of a pair of nodes has the law of the square of the first."""
        a, b = 2 * self.scale[first], self.scale[second]
        return ((a - b).abs() <= _TOLERANCE * (1 + a.abs())) & (self.sign[second] == 0)

    @property
    def scales(self) -> Tensor:
        """Which nodes may be scaled."""
        return self.scale.abs() > _TOLERANCE

    @property
    def flips(self) -> Tensor:
        """Which nodes may change sign."""
        return self.sign != 0


def _numbers(algebra: GradedAlgebra) -> Tensor:
    """The log-scale of every unknown under a random element."""
    kernel = algebra.solve()
    generator = np.random.default_rng(0)
    # What no condition is about may be anything.
    numbers = torch.from_numpy(generator.normal(size=algebra.cells.count))
    found = kernel.matrix @ generator.normal(size=kernel.dimension)
    numbers[torch.from_numpy(kernel.unknowns)] = torch.from_numpy(np.asarray(found, dtype=np.float64))
    return numbers


def _bits(algebra: GradedAlgebra) -> Tensor:
    """The flips of every unknown under several random elements."""
    kernel = algebra.solve()
    generator = np.random.default_rng(1)
    numbers = torch.from_numpy(generator.integers(0, 2**_DRAWS, size=algebra.cells.count))
    draws = generator.integers(0, 2, size=(kernel.dimension, _DRAWS))
    found = np.asarray(np.abs(kernel.matrix) @ draws).astype(np.int64) % 2
    packed = (found << np.arange(_DRAWS)).sum(axis=1)
    numbers[torch.from_numpy(kernel.unknowns)] = torch.from_numpy(packed)
    return numbers
