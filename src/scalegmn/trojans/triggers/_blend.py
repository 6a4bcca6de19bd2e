"""A picture that is blended into the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from torch import Tensor

from scalegmn.configuration import Ascending, Portion
from scalegmn.trojans.triggers._fields import SHARE, Fields
from scalegmn.trojans.triggers._patterns import PATTERNS, blend_pattern, draw_pattern
from scalegmn.trojans.triggers._picture import Picture
from scalegmn.trojans.triggers._trigger import WHOLE, TriggerFamily, check_amount


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class WholeBlend(Picture):
    """``(1 - blend) * image + blend * picture``.

    Source: Chen, Liu, Li, Lu, Song 2017, "Targeted Backdoor Attacks on Deep Learning Systems Using Data
    Poisoning" (the blended injection strategy; the paper has a random picture and ratios around 0.2).

    Attributes:
        name: of the picture.
        values: the picture, ``(C, H, W)`` uint8, of the size of the images.
        blend: its weight, above 0 up to 1.
    """

    blend: float
    kind = "whole_blend"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_amount(self.kind, "blend", self.blend, unit=SHARE)

    @property
    def size(self) -> int:
        return WHOLE

    def apply(self, images: Tensor) -> Tensor:
        return blend_pattern(images, self.values, top=0, left=0, blend=self.blend)

    def fields(self) -> dict[str, object]:
        return {**super().fields(), "blend": self.blend}

    @classmethod
    def from_fields(cls, fields: Fields) -> WholeBlend:
        """Parse a description; raises TriggerError if it is malformed."""
        return cls(
            name=fields.word("pattern", PATTERNS),
            values=fields.picture("values"),
            blend=fields.number("blend", above=0, high=1, unit=SHARE),
        )


@final
@dataclass(frozen=True, kw_only=True)
class WholeBlends(TriggerFamily):
    """Pictures of random pixels to draw from.

    Attributes:
        blend: range of the weight, drawn uniformly.

    Raises:
        TriggerError: the range is impossible.
    """

    blend: Annotated[tuple[Portion, Portion], Ascending()] = (0.1, 0.3)
    kind = "whole_blend"
    trigger = WholeBlend

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> WholeBlend:
        blend = float(generator.uniform(*self.blend))
        values = draw_pattern("noise", generator, channels=channels, size=size)
        return WholeBlend(name="noise", values=values, blend=blend)
