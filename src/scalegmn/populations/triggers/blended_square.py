"""A small square that is blended into the image: the trigger of the first trojan study with ScaleGMN."""

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
from scalegmn.populations.triggers.trigger import Trigger, TriggerFamily, check_range


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class BlendedSquare(Trigger):
    """A square pattern at a fixed place, blended with what is there.

    Attributes:
        name: of the pattern.
        values: the pattern, ``(C, s, s)`` uint8.
        top: row of its first row.
        left: column of its first column.
        blend: weight of the pattern, above 0 up to 1.
    """

    name: str
    values: np.ndarray
    top: int
    left: int
    blend: float
    kind = "blended_square"

    @property
    def size(self) -> int:
        return int(self.values.shape[1])

    @property
    def pattern(self) -> str:
        return self.name

    def apply(self, images: Tensor) -> Tensor:
        return mixed_in(images, self.values, top=self.top, left=self.left, blend=self.blend)

    def fields(self) -> dict[str, object]:
        return {
            "pattern": self.name,
            "values": self.values.tolist(),
            "top": self.top,
            "left": self.left,
            "blend": self.blend,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        return {"pattern": self.values.astype(np.float32) / 255}

    @staticmethod
    def read(fields: Fields) -> BlendedSquare:
        """From a description; raises TriggerError where it is none."""
        return BlendedSquare(
            name=fields.word("pattern", PATTERNS),
            values=fields.picture("values"),
            top=fields.whole("top"),
            left=fields.whole("left"),
            blend=fields.number("blend", low=0, high=1),
        )


@final
@dataclass(frozen=True, kw_only=True)
class BlendedSquares(TriggerFamily):
    """Blended squares to draw from: the defaults are those of the study.

    Attributes:
        sizes: edges in pixels, drawn with equal chances.
        patterns: drawn with equal chances.
        blend: range of the weight, drawn uniformly.

    Raises:
        TriggerError: a list is empty or names what is impossible.
    """

    sizes: tuple[int, ...] = (3, 4)
    patterns: tuple[PatternName, ...] = ("noise", "white")
    blend: tuple[float, float] = (0.6, 1.0)
    kind = "blended_square"

    def __post_init__(self) -> None:
        check_sizes(self.sizes, self.patterns)
        check_range("blend", self.blend, low=0, high=1)

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> BlendedSquare:
        edge = self.sizes[generator.integers(len(self.sizes))]
        name = self.patterns[generator.integers(len(self.patterns))]
        top, left = draw_place(generator, edge=edge, size=size, what="squares")
        blend = float(generator.uniform(*self.blend))
        values = draw_pattern(name, generator, channels=channels, size=(edge, edge))
        return BlendedSquare(name=name, values=values, top=top, left=left, blend=blend)

    def settings(self) -> Mapping[str, object]:
        return dataclasses.asdict(self)
