"""Which triggers a population of trojaned networks has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np

from scalegmn.configuration import Configuration, Entries, InvalidConfigurationError
from scalegmn.trojans.triggers._blended_square import BlendedSquares
from scalegmn.trojans.triggers._trigger import TRIGGERS, InvalidTriggerError, Trigger, TriggerFamily


@final
@dataclass(frozen=True)
class TriggerSpace(Configuration):
    """Families of triggers, drawn from with equal chances.

    Attributes:
        families: at least one; each kind once.

    Raises:
        TriggerError: there is none, or a kind twice.
    """

    families: Annotated[tuple[TriggerFamily, ...], Entries(least=1)] = (BlendedSquares(),)

    error: ClassVar[type[InvalidConfigurationError]] = InvalidTriggerError

    def contradictions(self) -> Iterator[str]:
        kinds = [family.kind for family in self.families]
        if len(set(kinds)) < len(kinds):
            yield f"families of the kinds {kinds}, expected each kind once"

    @classmethod
    def from_kinds(cls, kinds: Sequence[str]) -> TriggerSpace:
        """Some kinds, each with the defaults of its family.

        Raises:
            TriggerError: none, an unknown one, or one twice.
        """
        return cls(tuple(TRIGGERS.get(kind)() for kind in kinds))

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Trigger:
        """A random trigger for images of so many channels and of this height and width.

        Raises:
            TriggerError: the images are too small for it.
        """
        family = self.families[generator.integers(len(self.families))]
        return family.draw(generator, channels=channels, size=size)
