"""Squares with a pattern: what opaque patches and blended squares have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from scalegmn.configuration import Entries, Widths
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._patterns import PatternName
from scalegmn.trojans.triggers._picture import Picture
from scalegmn.trojans.triggers._trigger import TriggerFamily

Patterns = Annotated[tuple[PatternName, ...], Entries(least=1)]
"""Names of patterns to draw from."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Square(Picture):
    """A square picture at a fixed place.

    Attributes:
        name: of the pattern.
        values: the pattern, ``(C, s, s)`` uint8.
        top: row of its first row.
        left: column of its first column.

    Raises:
        TriggerError: `values` are no square, or its place is negative or not whole.
    """

    top: int
    left: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.values.shape[1] != self.values.shape[2]:
            raise TriggerError(
                f"trigger {self.kind!r}: values have shape {self.values.shape}, expected a square (C, s, s)"
            )
        for name, place in (("top", self.top), ("left", self.left)):
            if isinstance(place, bool) or not isinstance(place, int) or place < 0:
                raise TriggerError(
                    f"trigger {self.kind!r}: {name} is {place!r}, expected a whole number of pixels from 0"
                )

    @property
    def size(self) -> int:
        return int(self.values.shape[1])

    def fields(self) -> dict[str, object]:
        return {**super().fields(), "top": self.top, "left": self.left}


class SquarePlacement(NamedTuple):
    """What is drawn of a square before its pixels: edge, name of the pattern, row and column."""

    edge: int
    name: PatternName
    top: int
    left: int


@dataclass(frozen=True, kw_only=True)
class Squares(TriggerFamily):
    """Squares to draw from.

    Attributes:
        sizes: edges in pixels, drawn with equal chances.
        patterns: drawn with equal chances.

    Raises:
        TriggerError: a list is empty or names what is impossible.
    """

    sizes: Widths
    patterns: Patterns

    def place(self, generator: np.random.Generator, *, size: tuple[int, int], what: str) -> SquarePlacement:
        """A random square, with equal chances for all places within images of `size`.

        Args:
            generator: of the randomness.
            size: height and width of the images.
            what: squares are called in messages.

        Raises:
            TriggerError: it does not fit.
        """
        edge = self.sizes[generator.integers(len(self.sizes))]
        name = self.patterns[generator.integers(len(self.patterns))]
        if edge > min(size):
            raise TriggerError(
                f"{what} of {edge} x {edge} pixels do not fit into images of {size[0]} x {size[1]}; choose "
                "smaller ones"
            )
        top, left = (int(generator.integers(length - edge + 1)) for length in size)
        return SquarePlacement(edge, name, top, left)
