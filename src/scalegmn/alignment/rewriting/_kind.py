"""A way to write a network anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.registry import Lazy, Registry

from ._neurons import HiddenNeurons, rewritable_layers

if TYPE_CHECKING:
    from ._rewriting import Rewriting

_MOST_ADDED: Final = 2**26
"""Parameters that one layer may get."""


class RewritingKind(ABC):
    """A way to write networks anew.  One that is final has a name in :data:`REWRITINGS`.

    Law: the function stays, where it is `exact`.
    """

    exact: ClassVar[bool] = True
    """Whether the function stays; what only nearly keeps it is done by name alone."""

    @abstractmethod
    def refusal(self, architecture: Architecture) -> str | None:
        """Why networks of an architecture cannot be written anew in this way; None where they can."""

    @abstractmethod
    def apply(
        self,
        architecture: Architecture,
        theta: Tensor,
        *,
        rewriting: Rewriting,
        generator: torch.Generator,
    ) -> tuple[Architecture, Tensor]:
        """Write a network anew.

        Args:
            architecture: which `refusal` does not refuse.
            theta: parameters, ``(P,)`` float64.
            rewriting: how far to go.
            generator: of everything that is drawn.
        """


class Widening(RewritingKind):
    """Neurons are added to every hidden layer that can have more."""

    def refusal(self, architecture: Architecture) -> str | None:
        layers = architecture.as_layers
        if layers is None:
            return "neurons are added to lists of layers only"
        return None if rewritable_layers(layers) else "no hidden layer has a width of its own"

    def apply(
        self,
        architecture: Architecture,
        theta: Tensor,
        *,
        rewriting: Rewriting,
        generator: torch.Generator,
    ) -> tuple[LayeredArchitecture, Tensor]:
        layers = architecture.layered(reader="what adds neurons")
        for layer in rewritable_layers(layers):
            count = rewriting.count(layers.stages[layer].weighted.outputs)
            _check_size(HiddenNeurons.of(layers, theta, layer=layer), count)
            layers, theta = self.widened(
                layers,
                theta,
                layer=layer,
                count=count,
                spread=rewriting.spread,
                generator=generator,
            )
        return layers, theta

    @abstractmethod
    def widened(
        self,
        architecture: LayeredArchitecture,
        theta: Tensor,
        *,
        layer: int,
        count: int,
        spread: float,
        generator: torch.Generator,
    ) -> tuple[LayeredArchitecture, Tensor]:
        """Add neurons to one layer.

        Args:
            architecture: a list of layers.
            theta: parameters, ``(P,)``.
            layer: number of the weighted layer, from 0.
            count: how many neurons are concerned.
            spread: scales are log-uniform in ``[1 / spread, spread]``.
            generator: of everything that is drawn.
        """


def _check_size(neurons: HiddenNeurons, count: int) -> None:
    """Networks that fit into no memory are refused before they are made."""
    added = count * (neurons.incoming[0].numel() + neurons.outgoing[0].numel())
    if added > _MOST_ADDED:
        raise ArchitectureError(
            f"{count} more neurons in layer {neurons.layer} of {neurons.architecture.describe()} are {added} "
            f"parameters, expected at most {_MOST_ADDED}; add fewer"
        )


REWRITINGS: Final = Registry[RewritingKind](
    "kind of rewriting",
    entries={
        "unread": Lazy("scalegmn.alignment.rewriting:UNREAD"),
        "split": Lazy("scalegmn.alignment.rewriting:SPLIT"),
        "cancel": Lazy("scalegmn.alignment.rewriting:CANCEL"),
        "gains": Lazy("scalegmn.alignment.rewriting:GAINS"),
        "group": Lazy("scalegmn.alignment.rewriting:GROUP"),
        "rounding": Lazy("scalegmn.alignment.rewriting:ROUNDING"),
    },
    error=ArchitectureError,
)
"""Kinds of rewritings by name, in the order in which they are done unless it is said otherwise."""
