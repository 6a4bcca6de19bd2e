"""Neurons that are split in two."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture

from ._kind import Widening
from ._widening import with_split_neurons


@final
class SplitNeurons(Widening):
    """Neurons become two, with another share of every outgoing weight, one of them moved by its group."""

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
        return with_split_neurons(
            architecture, theta, layer=layer, count=count, generator=generator, spread=spread
        )


SPLIT: Final = SplitNeurons()
