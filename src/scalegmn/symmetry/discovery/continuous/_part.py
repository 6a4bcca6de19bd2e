"""One part of a continuous symmetry group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor


class ContinuousPart(ABC):
    """Maps of effective parameters that keep the function, and form a connected group.

    Args:
        notation: the group, in the field's notation.
        parameters: names of what is moved.
        dimension: how many directions it adds to the scales and to the parts before it.
    """

    def __init__(self, *, notation: str, parameters: tuple[str, ...], dimension: int) -> None:
        self.notation: Final = notation
        self.parameters: Final = parameters
        self.dimension: Final = dimension

    @abstractmethod
    def move(
        self, parameters: Mapping[str, Tensor], generator: torch.Generator, *, spread: float = 0.5
    ) -> dict[str, Tensor]:
        """Apply a random element.

        Args:
            parameters: effective ones of the network, float64.
            generator: of the random numbers.
            spread: of the coordinates of the element.

        Law:
            the function of the network stays.
        """

    @abstractmethod
    def directions(self, parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """A basis of the velocities that the group gives to parameters."""

    def __str__(self) -> str:
        return f"{self.notation} ({self.dimension} more than the scales) of {', '.join(self.parameters)}"
