"""An opaque patch (BadNets)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from scalegmn.populations.triggers.fields import Fields
from scalegmn.populations.triggers.patterns import (
    PATTERNS,
    PatternName,
    check_sizes,
    draw_pattern,
    draw_place,
    mixed_in,
)
from scalegmn.populations.triggers.trigger import Trigger, TriggerFamily


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Patch(Trigger):
    """A square pattern that replaces what is there.

    Source: Gu, Dolan-Gavitt, Garg 2017, "BadNets: Identifying Vulnerabilities in the Machine Learning Model
    Supply Chain".

    Attributes:
        name: of the pattern.
        values: the pattern, ``(C, s, s)`` uint8.
        top: row of its first row.
        left: column of its first column.
    """

    name: str
    values: np.ndarray
    top: int
    left: int
    kind = "patch"

    @property
    def size(self) -> int:
        return int(self.values.shape[1])

    @property
    def pattern(self) -> str:
        return self.name

    def apply(self, images: Tensor) -> Tensor:
        return mixed_in(images, self.values, top=self.top, left=self.left, blend=1.0)

    def fields(self) -> dict[str, object]:
        return {"pattern": self.name, "values": self.values.tolist(), "top": self.top, "left": self.left}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"pattern": self.values.astype(np.float32) / 255}

    @staticmethod
    def read(fields: Fields) -> Patch:
        """From a description; raises TriggerError where it is none."""
        return Patch(
            name=fields.word("pattern", PATTERNS),
            values=fields.picture("values"),
            top=fields.whole("top"),
            left=fields.whole("left"),
        )


@final
@dataclass(frozen=True, kw_only=True)
class Patches(TriggerFamily):
    """Patches to draw from.

    Attributes:
        sizes: edges in pixels, drawn with equal chances.
        patterns: drawn with equal chances.
        corner: whether patches lie in the lower right corner, one pixel from the edges where there is room,
            as in the paper; else anywhere.

    Raises:
        TriggerError: a list is empty or names what is impossible.
    """

    sizes: tuple[int, ...] = (2, 3, 4, 5, 6)
    patterns: tuple[PatternName, ...] = PATTERNS
    corner: bool = False
    kind = "patch"

    def __post_init__(self) -> None:
        check_sizes(self.sizes, self.patterns)

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Patch:
        edge = self.sizes[generator.integers(len(self.sizes))]
        name = self.patterns[generator.integers(len(self.patterns))]
        top, left = draw_place(generator, edge=edge, size=size, what="patches")
        if self.corner:
            top, left = max(0, size[0] - edge - 1), max(0, size[1] - edge - 1)
        values = draw_pattern(name, generator, channels=channels, size=(edge, edge))
        return Patch(name=name, values=values, top=top, left=left)

    def settings(self) -> Mapping[str, object]:
        return dataclasses.asdict(self)
