"""How large the weights of every layer are, and nothing else: a control.

Where these numbers alone tell trojaned networks from clean ones, the two were made differently, and other
detectors may do no more than notice that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._positions import align_layers
from scalegmn.networks import Architecture


@final
@dataclass(frozen=True, kw_only=True)
class NormFeatures(FeatureSet):
    """The L2 norm of every layer's weights, of its biases, and of all parameters, ``(B, 3 layers + 1)``.

    Reads mixed architectures (:func:`~scalegmn.models.baselines.features._positions.align_layers`).  A layer
    without biases has biases of norm 0.

    Attributes:
        layers: most weighted layers that a network has.

    Law: invariant under permutations and signs of hidden neurons, not under positive scales.
    """

    name = "norms"
    layers: Width

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> NormFeatures:
        """For networks of these architectures."""
        return NormFeatures(layers=max(len(architecture.weighted) for architecture in architectures))

    @property
    def size(self) -> int:
        return 3 * self.layers + 1

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return torch.cat([self._of(*part) for part in batch.parts])

    def _of(self, architecture: Architecture, theta: Tensor) -> Tensor:
        parameters = architecture.unflatten(theta)
        none = theta.new_zeros(len(theta))
        layers = []
        for layer in architecture.weighted:
            norms = [
                none if part is None else parameters[part.name].flatten(1).norm(dim=1)
                for part in (layer.weight, layer.bias)
            ]
            layers.append(torch.stack(norms, dim=1))
        placed = align_layers(architecture, torch.stack(layers, dim=1), places=self.layers)
        return torch.cat([placed, theta.norm(dim=1, keepdim=True)], dim=1)
