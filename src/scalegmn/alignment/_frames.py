"""The symmetry group of an architecture, prepared for matching many pairs of networks."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from scalegmn.networks import Architecture
from scalegmn.symmetry import group_of_program
from scalegmn.symmetry.discovery import CanonicalScales, ExponentRows, GroupElement, SymmetryGroup

from ._activations import Activations
from ._balance import BalancedScales
from ._channels import MatchedChannels
from ._programs import program_of
from ._signatures import Signatures


@final
class MatchingFrame:
    """The group of an architecture, as matching needs it.

    Args:
        group: of the program of the architecture, whose parameters have the names of its own.

    Attributes:
        scales: what brings networks to their representatives.
        signs: which entries are flipped together.
    """

    def __init__(self, group: SymmetryGroup) -> None:
        self.group: Final = group
        self.scales: Final = CanonicalScales(group.scales)
        self.signs: Final = ExponentRows(group.signs)

    @cached_property
    def balance(self) -> BalancedScales:
        """What brings networks to the representatives that are matched."""
        return BalancedScales(self.scales)

    @cached_property
    def families(self) -> tuple[MatchedChannels, ...]:
        """Channels that change places."""
        moving = self.group.permutations
        return tuple(MatchedChannels(family, moving, signs=self.signs) for family in moving.families)

    @cached_property
    def activations(self) -> Activations:
        """How alike channels answer."""
        return Activations(self.group)

    @cached_property
    def signatures(self) -> Signatures:
        """What tells channels apart, whatever their places and signs."""
        return Signatures(self.group.permutations, signs=self.signs)

    def flips(self, coordinates: NDArray[np.int64]) -> GroupElement:
        """The element that makes some free flips, ``(dimension,)``."""
        signs = 1.0 - 2.0 * np.mod(np.rint(self.signs.matrix @ coordinates), 2)
        return GroupElement(factors=self.signs.expand(signs))


@lru_cache(maxsize=16)
def frame_of(architecture: Architecture, *, shape: tuple[int, ...] | None = None) -> MatchingFrame:
    """The frame of an architecture.  Cached: it takes seconds.

    Args:
        architecture: of the networks.
        shape: of one example that they are asked about; any that they read if it is left out.

    Raises:
        SymmetryError, ProgramError: no program of it can be made.
    """
    return MatchingFrame(group_of_program(program_of(architecture, shape=shape)))
