"""A way to write a network anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture
from scalegmn.registry import Lazy, Registry

from ._addable import AddableNeurons, N
from ._places import places_of

if TYPE_CHECKING:
    from ._rewriting import Rewriting

_MOST_ADDED: Final = 2**26
"""Parameters that one place may get."""


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
    """AddableNeurons are added in every place that can have more."""

    def refusal(self, architecture: Architecture) -> str | None:
        return None if places_of(architecture) else "no hidden layer has a width of its own"

    def apply(
        self,
        architecture: Architecture,
        theta: Tensor,
        *,
        rewriting: Rewriting,
        generator: torch.Generator,
    ) -> tuple[Architecture, Tensor]:
        for place in places_of(architecture):
            neurons = place.neurons(architecture, theta)
            count = rewriting.count(len(neurons))
            _check_size(neurons, count)
            wider = self.widened(neurons, count=count, spread=rewriting.spread, generator=generator)
            architecture, theta = wider.written()
        return architecture, theta

    @abstractmethod
    def widened(self, neurons: N, *, count: int, spread: float, generator: torch.Generator) -> N:
        """Add neurons to those of one place, so that what others read of them stays.

        Args:
            neurons: those that are there.
            count: how many are concerned.
            spread: scales are log-uniform in ``[1 / spread, spread]``.
            generator: of everything that is drawn.
        """


def _check_size(neurons: AddableNeurons, count: int) -> None:
    """Networks that fit into no memory are refused before they are made."""
    added = count * neurons.numbers
    if added > _MOST_ADDED:
        raise ArchitectureError(
            f"{count} more neurons in each place are {added} parameters in one of them, expected at most "
            f"{_MOST_ADDED}; add fewer"
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
