"""Pairs of neurons that cancel."""

from __future__ import annotations

from typing import Final, final

import torch

from ._addable import N
from ._kind import Widening


@final
class CancelingPairs(Widening):
    """Random neurons in pairs with opposite outgoing weights, one of each pair moved by its group."""

    def widened(self, neurons: N, *, count: int, spread: float, generator: torch.Generator) -> N:
        added = neurons.drawn(count, generator=generator)
        opposite = added.reading(-added.outgoing).moved(generator=generator, spread=spread)
        return neurons.joined(added).joined(opposite)


CANCEL: Final = CancelingPairs()
