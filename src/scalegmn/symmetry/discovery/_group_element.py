"""One element of the symmetry group of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from ._rearrangement import Rearrangement

_STILL = Rearrangement()


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class GroupElement:
    """What is done to every effective parameter: its numbers are multiplied, and then change places.

    ``theta'[name] = rearrangements[name](factors[name] * theta[name])``.

    Attributes:
        factors: for each parameter, float64, of its shape (broadcast where factors
            repeat); 1 if it is missing.
        rearrangements: for each parameter; nothing moves if it is missing.
    """

    factors: Mapping[str, Tensor] = field(default_factory=dict)
    rearrangements: Mapping[str, Rearrangement] = field(default_factory=dict)

    def apply(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Act on effective parameters.

        Args:
            parameters: by name; others than the group's stay as they are.

        Returns:
            New tensors, of the dtypes that were given; the same objects where nothing happens.
        """
        return {name: self._moved(name, value) for name, value in parameters.items()}

    def inverse(self) -> GroupElement:
        """The element that takes back what this one does."""
        factors = {}
        for name, factor in self.factors.items():
            factors[name] = self.rearrangements.get(name, _STILL).apply(1 / factor)
        inverses = {name: moved.inverse() for name, moved in self.rearrangements.items()}
        return GroupElement(factors=factors, rearrangements=inverses)

    def after(self, first: GroupElement) -> GroupElement:
        """The product: what the other one does, and then what this one does."""
        factors = dict(first.factors)
        for name, factor in self.factors.items():
            # f2 P1 f1 x = P1 (P1^-1 f2) f1 x
            back = first.rearrangements.get(name, _STILL).inverse().apply(factor)
            factors[name] = back * factors[name] if name in factors else back
        moved = dict(first.rearrangements)
        for name, second in self.rearrangements.items():
            shape = factors[name].shape if name in factors else torch.Size()
            moved[name] = second.after(moved[name], shape=shape) if name in moved else second
        return GroupElement(factors=factors, rearrangements=moved)

    def _moved(self, name: str, value: Tensor) -> Tensor:
        factor = self.factors.get(name)
        if factor is not None:
            value = value * factor.to(dtype=value.dtype, device=value.device)
        moved = self.rearrangements.get(name)
        return value if moved is None else moved.apply(value)
