"""Which triggers a population of trojaned networks has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from scalegmn.errors import TriggerError
from scalegmn.populations.triggers.blend import WholeBlends
from scalegmn.populations.triggers.blended_square import BlendedSquares
from scalegmn.populations.triggers.channel_shift import ChannelShifts
from scalegmn.populations.triggers.kinds import KINDS, KindName
from scalegmn.populations.triggers.patch import Patches
from scalegmn.populations.triggers.sinusoid import Sinusoids
from scalegmn.populations.triggers.trigger import Trigger, TriggerFamily
from scalegmn.populations.triggers.warp import Warps

_DEFAULTS: Final[tuple[TriggerFamily, ...]] = (
    BlendedSquares(),
    Patches(),
    WholeBlends(),
    Sinusoids(),
    ChannelShifts(),
    Warps(),
)


@final
@dataclass(frozen=True)
class TriggerSpace:
    """Families of triggers, drawn from with equal chances.

    Attributes:
        families: at least one; each kind once.

    Raises:
        TriggerError: there is none, or a kind twice.
    """

    families: tuple[TriggerFamily, ...] = (BlendedSquares(),)

    def __post_init__(self) -> None:
        kinds = [family.kind for family in self.families]
        if not kinds or len(set(kinds)) < len(kinds):
            raise TriggerError(f"families of the kinds {kinds}, expected at least one, and each kind once")

    @staticmethod
    def of(kinds: Sequence[KindName]) -> TriggerSpace:
        """Some kinds, each with the defaults of its family.

        Raises:
            TriggerError: none, an unknown one, or one twice.
        """
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown:
            raise TriggerError(f"unknown kinds of triggers {unknown}, expected some of {', '.join(KINDS)}")
        by_kind = {family.kind: family for family in _DEFAULTS}
        return TriggerSpace(tuple(by_kind[kind] for kind in kinds))

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Trigger:
        """A random trigger for images of so many channels and of this height and width.

        Raises:
            TriggerError: the images are too small for it.
        """
        family = self.families[generator.integers(len(self.families))]
        return family.draw(generator, channels=channels, size=size)

    def to_dict(self) -> dict[str, object]:
        """Plain data for records."""
        return {"families": [family.to_dict() for family in self.families]}
