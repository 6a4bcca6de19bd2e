"""Random choices from a torch generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, final

import torch

T = TypeVar("T")


@final
class Dice:
    """Draws plain Python values from `generator`."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choice(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.integer(0, len(values) - 1)]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(torch.rand((), generator=self.generator) < probability)

    def uniform(self, low: float, high: float) -> float:
        """A real number between low and high."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))
