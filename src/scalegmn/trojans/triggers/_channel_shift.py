"""A shift of each channel: a tint, or for gray images another brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from torch import Tensor

from scalegmn.configuration import Ascending, Portion
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._fields import SHARE, Fields, format_entry
from scalegmn.trojans.triggers._trigger import TriggerFamily, check_images
from scalegmn.trojans.triggers._whole_image import WholeImage


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelShift(WholeImage):
    """``image + amount`` with an amount for each channel, cut to 0 and 1.

    Attributes:
        amounts: one per channel, from -1 to 1.

    Raises:
        TriggerError: they are not 1 or 3 amounts from -1 to 1, or all 0.
    """

    amounts: tuple[float, ...]
    kind = "channel_shift"

    def __post_init__(self) -> None:
        amounts = self.amounts
        if len(amounts) not in (1, 3) or not any(amounts) or not all(-1 <= a <= 1 for a in amounts):
            raise TriggerError(
                f"trigger {self.kind!r}: amounts are {format_entry(amounts)}, expected 1 or 3 numbers from "
                f"-1 to 1, not all 0 ({SHARE})"
            )

    def apply(self, images: Tensor) -> Tensor:
        check_images(images, channels=len(self.amounts))
        return (images + images.new_tensor(self.amounts)[:, None, None]).clamp(0, 1)

    def fields(self) -> dict[str, object]:
        return {"amounts": list(self.amounts)}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"amounts": np.array(self.amounts, np.float32)}

    @classmethod
    def from_fields(cls, fields: Fields) -> ChannelShift:
        """Parse a description; raises TriggerError if it is malformed."""
        unit = f"one per channel, {SHARE}; divide bytes by 255"
        amounts = fields.array("amounts", dimensions=1, low=-1, high=1, unit=unit)
        return cls(amounts=tuple(amounts.tolist()))


@final
@dataclass(frozen=True, kw_only=True)
class ChannelShifts(TriggerFamily):
    """Shifts to draw from, each channel up or down with equal chances.

    Attributes:
        amount: range of the size of a shift, drawn uniformly for each channel.

    Raises:
        TriggerError: the range is impossible.
    """

    amount: Annotated[tuple[Portion, Portion], Ascending()] = (0.15, 0.35)
    kind = "channel_shift"
    trigger = ChannelShift

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> ChannelShift:
        amounts = generator.uniform(*self.amount, channels) * generator.choice([-1.0, 1.0], channels)
        return ChannelShift(amounts=tuple(amounts.tolist()))
