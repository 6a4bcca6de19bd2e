"""Layers grouped by the weighted layer that they follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scalegmn.networks._activations import Activation
from scalegmn.networks._layers import Activate, Layer, Pool, Weighted


@dataclass(frozen=True)
class Stage:
    """A weighted layer and everything between it and the next one."""

    weighted: Weighted
    followers: tuple[Layer, ...]

    @property
    def activate(self) -> Activate:
        """Its activation layer; the identity where there is none."""
        found = [layer for layer in self.followers if isinstance(layer, Activate)]
        return found[0] if found else Activate(Activation("identity"))

    @property
    def max_pooled(self) -> bool:
        """Whether its output passes through max pooling, which does not commute with signs."""
        return any(isinstance(layer, Pool) and layer.kind == "max" for layer in self.followers)

    @property
    def bias_diluted(self) -> bool:
        """Whether padded average pooling stands before its activation: border zeros thin out the bias."""
        for layer in self.followers:
            if isinstance(layer, Activate):
                return False
            if isinstance(layer, Pool) and layer.kind == "average" and max(layer.padding) > 0:
                return True
        return False


def stages_of(layers: Sequence[Layer]) -> tuple[Stage, ...]:
    """The weighted layers of `layers`, each with what follows it; what leads the first one is left out."""
    starts = [i for i, layer in enumerate(layers) if isinstance(layer, Weighted)]
    stages = []
    for start, stop in pairwise([*starts, len(layers)]):
        weighted = layers[start]
        assert isinstance(weighted, Weighted)
        stages.append(Stage(weighted, tuple(layers[start + 1 : stop])))
    return tuple(stages)
