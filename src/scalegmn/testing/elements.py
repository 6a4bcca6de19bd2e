"""Networks beside randomly transformed copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.symmetry import Transformation, canonicalize_sine_phase, random_symmetry

_TRIES: Final = 20
"""Draws of an element that is not the identity, before the group is taken to be trivial."""


@dataclass(frozen=True, kw_only=True)
class Elements:
    """Which symmetries to draw.

    Attributes:
        permute: permute hidden neurons.
        rescale: multiply hidden neurons by elements of their groups (scales and signs).
        shift_phase: shift the biases of sine neurons by half periods.  Metanetworks leave these to
            :func:`~scalegmn.symmetry.canonicalize_sine_phase`, so all networks are canonicalized before
            the model sees them.
        spread: scales are log-uniform in ``[1/spread, spread]``.
    """

    permute: bool = True
    rescale: bool = True
    shift_phase: bool = True
    spread: float = 1e3

    def describe(self) -> str:
        """The elements in words, for error messages."""
        parts = ["permutations"] if self.permute else []
        parts += [f"signs and scales in [{1 / self.spread:g}, {self.spread:g}]"] if self.rescale else []
        parts += ["sine phases (with canonicalization)"] if self.shift_phase else []
        return ", ".join(parts) or "the identity only"


PERMUTATIONS: Final = Elements(rescale=False, shift_phase=False)
"""Permutations of hidden neurons alone, which every network has."""


@dataclass(frozen=True, eq=False)
class TransformedNetworks:
    """Networks of one architecture, and the same networks transformed, each by an element of its own.

    Attributes:
        architecture: of all of them.
        theta, moved: parameters before and after, ``(B, *features, P)``.
        seen, moved_seen: what a metanetwork is shown of the two: canonicalized, where phases were drawn.
        elements: one per network.
    """

    architecture: Architecture
    theta: Tensor
    moved: Tensor
    seen: Tensor
    moved_seen: Tensor
    elements: tuple[Transformation, ...]

    def apply(self, theta: Tensor) -> Tensor:
        """The same transformations of other parameters ``(B, *, P)``, such as the same in another dtype."""
        return torch.stack([element.apply(row) for row, element in zip(theta, self.elements, strict=True)])

    def transform_update(self, update: Tensor) -> Tensor:
        """The action on updates ``(B, *, P)`` of the networks as they were shown."""
        # Canonicalizing undid the phases, and with them the flips of outgoing weights.
        rows = [
            element.without_phase().apply_update(row)
            for row, element in zip(update, self.elements, strict=True)
        ]
        return torch.stack(rows)


def draw_pair(
    architecture: Architecture, theta: Tensor, *, generator: torch.Generator, elements: Elements
) -> TransformedNetworks:
    """Transform networks ``(B, *features, P)`` by random elements that are not the identity."""
    drawn = tuple(draw_element(architecture, generator=generator, elements=elements) for _ in theta)
    moved = torch.stack([element.apply(row) for row, element in zip(theta, drawn, strict=True)])
    seen, moved_seen = theta, moved
    if elements.shift_phase:
        seen, moved_seen = (canonicalize_sine_phase(architecture, x) for x in (theta, moved))
    return TransformedNetworks(architecture, theta, moved, seen, moved_seen, drawn)


def draw_element(
    architecture: Architecture, *, generator: torch.Generator, elements: Elements
) -> Transformation:
    """A random element that is not the identity, unless there is no other."""
    # Of two neurons, every second permutation is the identity, which tests nothing.
    for _ in range(_TRIES):
        element = random_symmetry(
            architecture,
            generator=generator,
            spread=elements.spread,
            permute=elements.permute,
            rescale=elements.rescale,
            shift_phase=elements.shift_phase,
        )
        if not element.is_identity:
            break
    return element
