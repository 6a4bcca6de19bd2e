"""Neurons that nobody reads."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture

from ._kind import Widening
from ._widening import with_unread_neurons


@final
class UnreadNeurons(Widening):
    """Neurons with random incoming weights that the next layer multiplies by 0."""

    def widened(
        self,
        architecture: LayeredArchitecture,
        theta: Tensor,
        *,
        layer: int,
        count: int,
        spread: float,
        generator: torch.Generator,
    ) -> tuple[LayeredArchitecture, Tensor]:
        return with_unread_neurons(architecture, theta, layer=layer, count=count, generator=generator)


UNREAD: Final = UnreadNeurons()
