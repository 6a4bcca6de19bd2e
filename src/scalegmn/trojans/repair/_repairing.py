"""What all that repair the networks of files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognizer
from scalegmn.trojans.making import NO_TARGET, Preparation, trojan_figures
from scalegmn.trojans.repair._outcome import Evidence, Performance, SearchedClass
from scalegmn.trojans.repair.defenses import CleanImages


class NetworkRepairer(ABC):
    """Repairs networks of the architectures that it knows, from their weights alone."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """Which repairer it is, for reports."""

    @abstractmethod
    def recognizer_with(self, own: Sequence[Architecture]) -> Recognizer:
        """Finds the architecture of a file, of these as well."""

    @abstractmethod
    def outside_note(self, architecture: Architecture) -> str | None:
        """What is to be said of a network that is none of those it was made for; None of others."""

    @abstractmethod
    def preparation_for(self, architecture: Architecture, pixels: Tensor) -> Preparation:
        """How networks of an architecture take images ``(n, C, H, W)``."""

    @abstractmethod
    def repair(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Repaired networks ``(N, P)``, on the CPU, in the precision of `theta`.

        Raises:
            CheckpointError: it abstains.
            GraphError: it cannot read such networks.
        """

    @abstractmethod
    def searched(self, architecture: Architecture, before: Tensor, after: Tensor) -> SearchedClass | None:
        """What a search for triggers reaches in a network ``(P,)``; None where none is made."""

    def performance(self, architecture: Architecture, theta: Tensor, evidence: Evidence) -> Performance:
        """How well one network ``(P,)`` does.

        Raises:
            ConfigurationError: all images are of the attacker's class, or the network does not know it, or
                another one of the images.
            TriggerError: the trigger does not fit the images.
        """
        pixels, labels = evidence.images.pixels, evidence.images.labels
        _check_classes(architecture, evidence)
        preparation = self.preparation_for(architecture, pixels)
        inputs, networks = preparation.inputs(pixels), theta.float()[None]
        if inputs.shape[1] != architecture.num_inputs:
            raise ConfigurationError(
                f"images of {evidence.source} come to the network with {inputs.shape[1]} channels, but it "
                f"takes {architecture.num_inputs}; give images of the kind that it was trained on"
            )
        if evidence.trigger is None or evidence.target is None:
            accuracy = CleanImages(inputs, labels).accuracy(architecture, networks)
            return Performance(float(accuracy), None, None)
        figures = trojan_figures(
            architecture,
            networks,
            clean=inputs,
            triggered=preparation.inputs(evidence.trigger.apply(pixels)),
            labels=labels,
            target=evidence.target,
        )
        return Performance(float(figures.c_acc), float(figures.asr), float(figures.ra))


def _check_classes(architecture: Architecture, evidence: Evidence) -> None:
    """Refuse classes that the network cannot output: no trigger would seem to work."""
    known, labels = architecture.num_outputs, evidence.images.labels
    if evidence.target not in (None, NO_TARGET, *range(known)):
        raise ConfigurationError(
            f"the attacker's class is {evidence.target}, but the network has the classes 0 to {known - 1}; "
            f"correct the target, or give {NO_TARGET} where every class has the next one as its target"
        )
    if len(labels) and int(labels.max()) >= known:
        raise ConfigurationError(
            f"images of {evidence.source} have classes up to {int(labels.max())}, but the network has the "
            f"classes 0 to {known - 1}; give images of the kind that it was trained on"
        )
