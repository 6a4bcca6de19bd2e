"""Dropout for many networks at once, from random numbers that are drawn once.

Drawing a random number for every value of every network takes as long as the convolutions.  Here the
numbers stand on a tape that is always the same, and what is random is where on the tape a network reads in
which step.  Its masks are thereby its own, whatever networks are trained beside it.
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.seeding import generator

_LENGTH: Final = 2**22


@final
class DropoutTape:
    """Inverted dropout: values are zero with the rate of their network, and else divided by one minus it.

    Args:
        rates: of every network, ``(B,)``, below 1.
        images: n, the last dimension of the values.
    """

    def __init__(self, *, rates: Tensor, images: int) -> None:
        drawn = torch.rand(_LENGTH // images, images, generator=generator(0, "dropout tape"))
        self._tape = drawn.to(rates)
        self._keep = 1 - rates
        self._place = torch.zeros(len(rates), dtype=torch.long, device=rates.device)

    def begin(self, starts: Tensor) -> None:
        """Go to a place on the tape for every network, ``(B,)``; a step's layers read one after the other."""
        self._place = starts

    def __call__(self, values: Tensor) -> Tensor:
        """Values ``(B, ..., n)`` with dropout."""
        networks, images = len(values), values.shape[-1]
        rows = values[0].numel() // images
        index = (self._place[:, None] + torch.arange(rows, device=values.device)) % len(self._tape)
        self._place = self._place + rows
        mask = self._tape.index_select(0, index.flatten()).view(networks, -1)
        # One where the random number reaches the rate: floor(u + keep), without a detour over truth values.
        mask.add_(self._keep[:, None]).floor_().div_(self._keep[:, None])
        return values * mask.view(values.shape)
