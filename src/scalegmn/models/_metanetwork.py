"""What every metanetwork has in common, whatever it does with the networks it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models._saving import SavedModule
from scalegmn.shapes import NetworkVectors


class Metanetwork(SavedModule, ABC):
    """A module that reads networks."""

    @abstractmethod
    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take from networks of the training set what brings their parameters to size 1.

        A training loop of one's own calls it once, with a thousand training networks or so, before the first
        step; without it the first step warns (:class:`scalegmn.errors.UnfittedWarning`).  Single networks
        whose training diverged do not move the constants (:mod:`scalegmn.nn.robust`).
        """


class Judge(Metanetwork, ABC):
    """A metanetwork that answers with a vector of numbers about every network."""

    outputs: int

    @abstractmethod
    def answer(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.

        Raises:
            GraphError: the batch holds networks that it cannot read.
        """


class FittedJudge(Judge, ABC):
    """A judge that is not trained by gradients, but fitted to all training networks at once."""

    @abstractmethod
    def read(self, batch: NetworkBatch) -> Tensor:
        """What it knows of networks, ``(B, F)``, in the order of the batch."""

    @abstractmethod
    def fit(self, features: Tensor, targets: Tensor) -> None:
        """Fit it to what :meth:`read` says of the training networks, ``(N, F)``, and their targets."""


class Editor(Metanetwork, ABC):
    """A metanetwork that writes new networks."""

    @abstractmethod
    def edit(self, batch: NetworkBatch) -> NetworkBatch:
        """The batch with other parameters.

        Raises:
            GraphError: the batch holds networks that it cannot read.
        """
