"""Neurons that nobody reads."""

from __future__ import annotations

from typing import Final, final

import torch

from ._addable import N
from ._kind import Widening


@final
class UnreadNeurons(Widening):
    """Neurons with random incoming weights that others multiply by 0."""

    def widened(self, neurons: N, *, count: int, spread: float, generator: torch.Generator) -> N:
        added = neurons.drawn(count, generator=generator)
        return neurons.joined(added.reading(torch.zeros_like(added.outgoing)))


UNREAD: Final = UnreadNeurons()
