"""Triggers that mix a picture into images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._trigger import Trigger


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture(Trigger):
    """A trigger that consists of a picture, of whatever size and wherever it lies.

    Attributes:
        name: of the pattern that the picture shows.
        values: the picture, ``(C, h, w)`` uint8, of 1 or 3 channels.

    Raises:
        TriggerError: `values` are of another type or shape.
    """

    name: str
    values: np.ndarray

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.dtype != np.uint8:
            raise TriggerError(
                f"trigger {self.kind!r}: values are of type {values.dtype}, expected bytes from 0 to 255 "
                "(uint8); multiply values from 0 to 1 by 255 and round them first"
            )
        if values.ndim != 3 or values.shape[0] not in (1, 3) or not values.size:
            raise TriggerError(
                f"trigger {self.kind!r}: values have shape {values.shape}, expected (channels, height, "
                "width) with 1 or 3 channels; put the channels first"
            )

    @property
    def pattern(self) -> str:
        return self.name

    def fields(self) -> dict[str, object]:
        described: dict[str, object] = {"pattern": self.name, "values": self.values.tolist()}
        if self.values.max() == 1:
            # Otherwise these bytes could be taken for brightness from 0 to 1.
            described["scale"] = 255
        return described

    def arrays(self) -> dict[str, np.ndarray]:
        return {"pattern": self.values.astype(np.float32) / 255}
