"""Triggers that mix a picture into images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalegmn.populations.triggers.trigger import Trigger


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture(Trigger):
    """A trigger that consists of a picture, of whatever size and wherever it lies.

    Attributes:
        name: of the pattern that the picture shows.
        values: the picture, ``(C, h, w)`` uint8.
    """

    name: str
    values: np.ndarray

    @property
    def pattern(self) -> str:
        return self.name

    def fields(self) -> dict[str, object]:
        return {"pattern": self.name, "values": self.values.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"pattern": self.values.astype(np.float32) / 255}
