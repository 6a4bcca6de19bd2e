"""The standard deviation of a batch norm: the file holds its square, less a constant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class Deviation(Folding):
    """``s = sqrt(v + eps)``.

    A file can say only ``s >= sqrt(eps)``.  A smaller one is written as ``v = 0``, and the gain takes the
    rest: ``(x - m) / s * g = (x - m) / sqrt(eps) * (g sqrt(eps) / s)``.

    Attributes:
        variance: name of ``v``.
        deviation: name of ``s``.
        eps: what is added.
        gain: name of ``g``, if the norm has one and nothing else reads it.
    """

    variance: str
    deviation: str
    eps: float
    gain: str | None

    def __post_init__(self) -> None:
        if not 0 <= self.eps < math.inf:
            raise ProgramError(
                f"the eps {self.eps} of {self.deviation} is no finite number of at least 0, expected one, "
                "since it is added to a variance; write the program anew with save_program"
            )

    @property
    def files(self) -> tuple[str, ...]:
        return (self.variance,)

    @property
    def effective(self) -> tuple[str, ...]:
        return (self.deviation,)

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        variance = tensors[self.variance]
        # Below 0, a little less than eps, a network still computes, and unfolding writes the same as 0.
        if bool((variance + self.eps < 0).any()):
            raise ProgramError(
                f"{self.variance} has a value of {float(variance.min()):.3g}, expected at least 0, since the "
                "root of a variance is taken; give a state dict that is not damaged"
            )
        return {self.deviation: torch.sqrt(variance + self.eps)}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        deviation = tensors[self.deviation]
        smallest = self.eps**0.5
        # What was a variance of 0 comes back as one, whatever rounding did to its root.
        small = deviation < smallest * (1 - 4 * torch.finfo(deviation.dtype).eps)
        written = {self.variance: torch.clamp(deviation**2 - self.eps, min=0.0)}
        if not bool(small.any()):
            return written
        if self.gain is None:
            raise ProgramError(
                f"{self.deviation} has a value of {float(deviation.min()):.3g}, expected at least "
                f"{smallest:.3g}, since {self.variance} cannot be below 0, and the norm has no gain of its "
                "own to take the rest; use affine norms, or elements of smaller scales"
            )
        gain = tensors[self.gain]
        return {**written, self.gain: torch.where(small, gain * smallest / deviation, gain)}
