"""Statistics of every layer's weights and biases, after every neuron was brought to size 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture
from scalegmn.nn import statistics_size, weight_statistics


@final
@dataclass(frozen=True, kw_only=True)
class CanonicalFeatures(FeatureSet):
    """What ``statnn`` sees, of canonical weights and of their sizes, ``(B, 28 (layers + 1))``.

    For trees: some numbers are nearly the same in all networks and far off in a few, where neurons are dead,
    which throws logistic regression off.

    Reads mixed architectures; a network's output neurons have the last place, and layers that it lacks are 0.

    Attributes:
        spec: limits of the networks.

    Law: invariant under permutations, positive scales and signs of hidden neurons; not under neurons that are
    added or split, nor under the phases of sines.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, NetworkBatch, SymmetryAction, mlp
        >>> from scalegmn.models.baselines.features import CanonicalFeatures, FeaturesConfig
        >>> from scalegmn.seeding import generator
        >>> network = mlp(widths=(2, 8, 3), activations=[Activation("relu")])
        >>> theta = torch.randn(5, network.num_parameters, dtype=torch.float64)
        >>> features = CanonicalFeatures.from_architectures([network], config=FeaturesConfig())
        >>> before = features.compute(NetworkBatch.from_parameters(network, theta))
        >>> action = SymmetryAction(network)
        >>> moved = action.apply(theta, action.draw(generator=generator(0)))
        >>> torch.allclose(features.compute(NetworkBatch.from_parameters(network, moved)), before)
        True
    """

    name = "canonical"
    spec: GraphSpec

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> CanonicalFeatures:
        """For networks of these architectures."""
        return CanonicalFeatures(spec=GraphSpec.from_architectures(architectures))

    @property
    def size(self) -> int:
        return statistics_size(self.spec)

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return weight_statistics(batch.graph, spec=self.spec)
