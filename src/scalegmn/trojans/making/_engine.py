"""How networks of one architecture are trained side by side, whatever the architecture is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.trojans.making._recipe import FineTuningConfig
from scalegmn.zoo.cnns import Hyperparameters, TrainingFigures

Penalty = Callable[[Mapping[str, Tensor]], Tensor]
"""A number from the parameters of all networks, ``(B, *shape)`` by name; added to the sum of their losses."""


@final
@dataclass(frozen=True, eq=False)
class Lessons:
    """What B networks learn.

    Attributes:
        images: as networks take them, ``(N, C, H, W)``, those of all networks together.
        labels: what is to be learned of each, ``(N,)``.
        shares: which images each network sees, ``(B, m)``.
        test: images of which the loss is measured in the end, and their labels.
        tuning: how long, and in which batches.
        penalty: beside the losses; None for none.
    """

    images: Tensor
    labels: Tensor
    shares: Tensor
    test: tuple[Tensor, Tensor]
    tuning: FineTuningConfig
    penalty: Penalty | None = None


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """What B networks have become.

    Attributes:
        theta: parameters, ``(B, P)``, finite.
        diverged: which networks broke off, ``(B,)``.
        train: figures on the images that each saw.
        test_loss: on the test images, ``(B,)`` float64.
    """

    theta: Tensor
    diverged: Tensor
    train: TrainingFigures
    test_loss: Tensor


class TwinEngine(ABC):
    """Trains networks of one architecture; each is independent of the others, up to rounding."""

    @property
    @abstractmethod
    def architecture(self) -> Architecture:
        """The architecture of all networks."""

    @abstractmethod
    def initial(self, hypers: Sequence[Hyperparameters]) -> Tensor:
        """Parameters before any training, ``(B, P)``; each network's depend on its hyper-parameters alone."""

    @abstractmethod
    def train(
        self,
        start: Tensor,
        hypers: Sequence[Hyperparameters],
        lessons: Lessons,
        *,
        report: Callable[[float], None],
    ) -> Trained:
        """Train networks.

        Args:
            start: parameters ``(B, P)``; not changed.
            hypers: one for each network.
            lessons: what they learn.
            report: is told now and then what part of the work was done since, and may raise.

        Raises:
            ConfigurationError: the start itself has no finite figures.
        """
