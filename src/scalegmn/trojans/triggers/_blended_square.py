"""A small square that is blended into the image: the trigger of the first trojan study with ScaleGMN."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, final

import numpy as np
from torch import Tensor

from scalegmn.configuration import Ascending, Portion, Widths
from scalegmn.trojans.triggers._fields import PIXELS, SHARE, Fields
from scalegmn.trojans.triggers._patterns import PATTERNS, blend_pattern, draw_pattern
from scalegmn.trojans.triggers._square import Patterns, Square, Squares
from scalegmn.trojans.triggers._trigger import check_amount


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class BlendedSquare(Square):
    """A square pattern at a fixed place, blended with what is there.

    Attributes:
        name: of the pattern.
        values: the pattern, ``(C, s, s)`` uint8.
        top: row of its first row.
        left: column of its first column.
        blend: weight of the pattern, above 0 up to 1.
    """

    blend: float
    kind = "blended_square"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_amount(self.kind, "blend", self.blend, unit=SHARE)

    def apply(self, images: Tensor) -> Tensor:
        return blend_pattern(images, self.values, top=self.top, left=self.left, blend=self.blend)

    def fields(self) -> dict[str, object]:
        return {**super().fields(), "blend": self.blend}

    @classmethod
    def from_fields(cls, fields: Fields) -> BlendedSquare:
        """Parse a description; raises TriggerError if it is malformed."""
        return cls(
            name=fields.word("pattern", PATTERNS),
            values=fields.picture("values"),
            top=fields.whole("top", unit=PIXELS),
            left=fields.whole("left", unit=PIXELS),
            blend=fields.number("blend", above=0, high=1, unit=SHARE),
        )


@final
@dataclass(frozen=True, kw_only=True)
class BlendedSquares(Squares):
    """Blended squares to draw from: the defaults are those of the study.

    Attributes:
        sizes: edges in pixels, drawn with equal chances.
        patterns: drawn with equal chances.
        blend: range of the weight, drawn uniformly.

    Raises:
        TriggerError: a list is empty or names what is impossible.
    """

    sizes: Widths = (3, 4)
    patterns: Patterns = ("noise", "white")
    blend: Annotated[tuple[Portion, Portion], Ascending()] = (0.6, 1.0)
    kind = "blended_square"
    trigger = BlendedSquare
    maker_options = MappingProxyType({"sizes": "sizes", "patterns": "patterns", "square_blend": "blend"})

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> BlendedSquare:
        edge, name, top, left = self.place(generator, size=size, what="squares")
        blend = float(generator.uniform(*self.blend))
        values = draw_pattern(name, generator, channels=channels, size=(edge, edge))
        return BlendedSquare(name=name, values=values, top=top, left=left, blend=blend)
