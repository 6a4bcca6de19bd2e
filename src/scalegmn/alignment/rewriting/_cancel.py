"""Pairs of neurons that cancel."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture

from ._kind import Widening
from ._widening import with_canceling_neurons


@final
class CancelingPairs(Widening):
    """Pairs of random neurons with equal incoming and opposite outgoing weights, one moved by its group."""

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
        return with_canceling_neurons(
            architecture, theta, layer=layer, count=count, generator=generator, spread=spread
        )


CANCEL: Final = CancelingPairs()
