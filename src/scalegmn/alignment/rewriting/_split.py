"""Neurons that are split in two."""

from __future__ import annotations

from typing import Final, final

import torch

from ._addable import N
from ._kind import Widening

# Some shares are negative, and some above 1.
_LEAST, _MOST = -0.5, 1.5


@final
class SplitNeurons(Widening):
    """Neurons become two, with another share of every outgoing weight, one of them moved by its group."""

    def widened(self, neurons: N, *, count: int, spread: float, generator: torch.Generator) -> N:
        chosen = torch.randperm(len(neurons), generator=generator)[:count]
        whole = neurons.outgoing[chosen]
        drawn = torch.rand(whole.shape, generator=generator, dtype=torch.float64)
        given = whole * (_LEAST + (_MOST - _LEAST) * drawn)
        kept = neurons.outgoing.clone()
        kept[chosen] = whole - given
        copies = neurons.taken(chosen).reading(given).moved(generator=generator, spread=spread)
        return neurons.reading(kept).joined(copies)


SPLIT: Final = SplitNeurons()
