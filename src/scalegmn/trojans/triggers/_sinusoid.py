"""A wave over the whole image (SIG)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Ascending, Limits, Portion
from scalegmn.trojans.triggers._fields import RADIANS, SHARE, Fields
from scalegmn.trojans.triggers._trigger import TriggerFamily, check_amount, check_images
from scalegmn.trojans.triggers._whole_image import WholeImage

_TURNS: Final = 4 * math.pi


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Sinusoid(WholeImage):
    """``image + amplitude * sin(2 pi frequency (x cos(angle) + y sin(angle)) + phase)``, cut to 0 and 1.

    x and y run from 0 to below 1 over width and height.  All channels get the same.  Source: Barni, Kallas,
    Tondi 2019, "A New Backdoor Attack in CNNs by Training Set Corruption Without Label Poisoning" (there
    with frequency 6, angle 0, amplitude 20/255 or more).

    Attributes:
        amplitude: above 0.
        frequency: waves over the image.
        angle: direction in which the wave runs, in radians; 0 is along the width.
        phase: in radians.

    Raises:
        TriggerError: the amplitude is not above 0 to 1.
    """

    amplitude: float
    frequency: float
    angle: float
    phase: float
    kind = "sinusoid"

    def __post_init__(self) -> None:
        check_amount(self.kind, "amplitude", self.amplitude, unit=SHARE)

    def apply(self, images: Tensor) -> Tensor:
        check_images(images)
        height, width = images.shape[-2:]
        y = torch.arange(height, dtype=images.dtype, device=images.device)[:, None] / height
        x = torch.arange(width, dtype=images.dtype, device=images.device) / width
        along = x * math.cos(self.angle) + y * math.sin(self.angle)
        wave = self.amplitude * torch.sin(2 * math.pi * self.frequency * along + self.phase)
        return (images + wave).clamp(0, 1)

    def fields(self) -> dict[str, object]:
        return dataclasses.asdict(self)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.array(value, np.float32) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_fields(cls, fields: Fields) -> Sinusoid:
        """Parse a description; raises TriggerError if it is malformed."""
        return cls(
            amplitude=fields.number("amplitude", above=0, high=1, unit=f"{SHARE}; divide bytes by 255"),
            frequency=fields.number("frequency", low=0, high=1000, unit="waves over the image"),
            angle=fields.number("angle", low=-_TURNS, high=_TURNS, unit=RADIANS),
            phase=fields.number("phase", low=-_TURNS, high=_TURNS, unit=RADIANS),
        )


_Frequency = Annotated[float, Limits(low=0, high=1000)]


@final
@dataclass(frozen=True, kw_only=True)
class Sinusoids(TriggerFamily):
    """Waves to draw from, in any direction and phase.

    Attributes:
        amplitude: range, drawn uniformly.
        frequency: range, drawn uniformly.

    Raises:
        TriggerError: a range is impossible.
    """

    amplitude: Annotated[tuple[Portion, Portion], Ascending()] = (0.08, 0.2)
    frequency: Annotated[tuple[_Frequency, _Frequency], Ascending()] = (3.0, 8.0)
    kind = "sinusoid"
    trigger = Sinusoid

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Sinusoid:
        return Sinusoid(
            amplitude=float(generator.uniform(*self.amplitude)),
            frequency=float(generator.uniform(*self.frequency)),
            angle=float(generator.uniform(0, math.pi)),
            phase=float(generator.uniform(0, 2 * math.pi)),
        )
