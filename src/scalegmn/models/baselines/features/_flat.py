"""All parameters of a network as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count
from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture


@final
@dataclass(frozen=True, kw_only=True)
class FlatFeatures(FeatureSet):
    """All weights and biases in their order, ``(B, P)``, of networks whose parameters have the same shapes.

    Attributes:
        parameters: P, of one network.

    Law: none; they notice every symmetry.
    """

    name = "flat"
    one_layout = True
    parameters: Count

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> FlatFeatures:
        """For networks of these architectures, which must have one layout."""
        return FlatFeatures(parameters=architectures[0].num_parameters)

    @property
    def size(self) -> int:
        return self.parameters

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        theta = batch.theta
        if theta.shape[1] != self.parameters:
            raise GraphError(
                f"{batch.architectures[0].describe()} in a model that reads networks of one layout, with "
                f"{self.parameters} parameters each; use features that read mixed architectures, or scalegmn"
            )
        return theta
