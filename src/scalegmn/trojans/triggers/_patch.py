"""An opaque patch (BadNets)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import final

import numpy as np
from torch import Tensor

from scalegmn.configuration import Widths
from scalegmn.trojans.triggers._fields import PIXELS, Fields
from scalegmn.trojans.triggers._patterns import PATTERNS, blend_pattern, draw_pattern
from scalegmn.trojans.triggers._square import Patterns, Square, Squares


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Patch(Square):
    """A square pattern that replaces what is there.

    Source: Gu, Dolan-Gavitt, Garg 2017, "BadNets: Identifying Vulnerabilities in the Machine Learning Model
    Supply Chain".

    Attributes:
        name: of the pattern.
        values: the pattern, ``(C, s, s)`` uint8.
        top: row of its first row.
        left: column of its first column.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from scalegmn.trojans.triggers import Patch, trigger_from_dict
        >>> trigger = Patch(name="white", values=np.full((1, 2, 2), 255, np.uint8), top=6, left=6)
        >>> trigger.apply(torch.zeros(1, 1, 8, 8))[0, 0, 5:, 5:].tolist()
        [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
        >>> trigger_from_dict(trigger.to_dict()).top
        6
    """

    kind = "patch"

    def apply(self, images: Tensor) -> Tensor:
        return blend_pattern(images, self.values, top=self.top, left=self.left, blend=1.0)

    @classmethod
    def from_fields(cls, fields: Fields) -> Patch:
        """Parse a description; raises TriggerError if it is malformed."""
        return cls(
            name=fields.word("pattern", PATTERNS),
            values=fields.picture("values"),
            top=fields.whole("top", unit=PIXELS),
            left=fields.whole("left", unit=PIXELS),
        )


@final
@dataclass(frozen=True, kw_only=True)
class Patches(Squares):
    """Patches to draw from.

    Attributes:
        sizes: edges in pixels, drawn with equal chances.
        patterns: drawn with equal chances.
        corner: whether patches lie in the lower right corner, one pixel from the edges where there is room,
            as in the paper; else anywhere.

    Raises:
        TriggerError: a list is empty or names what is impossible.
    """

    sizes: Widths = (2, 3, 4, 5, 6)
    patterns: Patterns = PATTERNS
    corner: bool = False
    kind = "patch"
    trigger = Patch
    maker_options = MappingProxyType({"sizes": "sizes", "patterns": "patterns"})

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Patch:
        edge, name, top, left = self.place(generator, size=size, what="patches")
        if self.corner:
            top, left = max(0, size[0] - edge - 1), max(0, size[1] - edge - 1)
        values = draw_pattern(name, generator, channels=channels, size=(edge, edge))
        return Patch(name=name, values=values, top=top, left=left)
