"""AddableNeurons that can become more or fewer, whatever network they are of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

import torch
from torch import Tensor

from scalegmn.networks import Architecture

N = TypeVar("N", bound="AddableNeurons")


class AddableNeurons(ABC):
    """n neurons, in float64, with everything that enters and leaves them.

    Attributes:
        outgoing: by what others multiply each of them, ``(n, ...)``; they only add it up.
    """

    outgoing: Tensor

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @property
    @abstractmethod
    def numbers(self) -> int:
        """The number of parameters that each neuron has."""

    @abstractmethod
    def taken(self: N, numbers: Tensor) -> N:
        """Some of them, ``(m,)``, or several copies of one."""

    @abstractmethod
    def joined(self: N, others: N) -> N:
        """These, and others of the same place behind them."""

    @abstractmethod
    def reading(self: N, outgoing: Tensor) -> N:
        """The same with other outgoing weights."""

    @abstractmethod
    def moved(self: N, *, generator: torch.Generator, spread: float) -> N:
        """Each moved by a random element of its own group, so that all that it adds to others stays.

        Args:
            generator: of the elements.
            spread: scales are log-uniform in ``[1 / spread, spread]``.
        """

    @abstractmethod
    def drawn(self: N, count: int, *, generator: torch.Generator) -> N:
        """New ones with weights of the size that these have."""

    @abstractmethod
    def written(self) -> tuple[Architecture, Tensor]:
        """The network with these neurons in their place, and its parameters ``(P,)`` in float64."""


class NeuronPlace(ABC):
    """Where neurons can be added to the networks of an architecture, and taken away."""

    @abstractmethod
    def neurons(self, architecture: Architecture, theta: Tensor) -> AddableNeurons:
        """The neurons that a network has there.

        Args:
            architecture: the one that the place is of, or one that is wider here or elsewhere.
            theta: its parameters, ``(P,)``.
        """
