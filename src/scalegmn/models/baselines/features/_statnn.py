"""Mean, variance and quantiles of every layer's weights and biases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import PER_SLOT, padded_features
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture


@final
@dataclass(frozen=True, kw_only=True)
class StatNNFeatures(FeatureSet):
    """Statistics of every layer of any architecture; see :func:`~scalegmn.models.baselines.padded_features`.

    Attributes:
        layers: most weighted layers that a network has.

    Law: invariant under permutations of hidden neurons, under nothing else.
    """

    name = "statnn"
    layers: Width

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> StatNNFeatures:
        """For networks of these architectures."""
        return StatNNFeatures(layers=max(len(architecture.weighted) for architecture in architectures))

    @property
    def size(self) -> int:
        return PER_SLOT * self.layers

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return padded_features(batch, layers=self.layers)
