"""The weights of every layer in ascending order: what is left of them when neurons have no names.

Linear classifiers on sorted tensors are among the detectors of the TrojAI program (Reese et al., "Trojans in
Artificial Intelligence (TrojAI) Final Report", arXiv 2602.07152, 2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Limits, Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._positions import align_layers
from scalegmn.networks import Architecture
from scalegmn.nn import row_quantiles

# Sorting needs several copies of what is sorted; a whole population at once may be too much.
_ROWS = 1024


@final
@dataclass(frozen=True, kw_only=True)
class SortedWeightFeatures(FeatureSet):
    """The weights and the biases of every layer in ascending order, ``(B, (1 + 2 quantiles) layers)``.

    Each tensor stands at as many places, so that layers of any width compare: the quantiles at
    ``i / (quantiles - 1)``, interpolated between two values.  These are the sorted values themselves where a
    tensor has as many.  A layer without biases has biases that are 0.  Reads mixed architectures
    (:func:`~scalegmn.models.baselines.features._positions.align_layers`).

    Attributes:
        layers: most weighted layers that a network has.
        quantiles: places for every tensor.

    Law: invariant under permutations of hidden neurons, under nothing else.

    Source: arXiv 2602.07152, of which the idea is taken; the common grid is ours.
    """

    name = "sorted_weights"
    layers: Width
    quantiles: Annotated[int, Limits(low=2)]

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> SortedWeightFeatures:
        """For networks of these architectures."""
        layers = max(len(architecture.weighted) for architecture in architectures)
        return SortedWeightFeatures(layers=layers, quantiles=config.quantiles)

    @property
    def size(self) -> int:
        return (1 + 2 * self.quantiles) * self.layers

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return torch.cat(
            [
                self._of(architecture, rows)
                for architecture, theta in batch.parts
                for rows in theta.split(_ROWS)
            ]
        )

    def _of(self, architecture: Architecture, theta: Tensor) -> Tensor:
        levels = [place / (self.quantiles - 1) for place in range(self.quantiles)]
        none = theta.new_zeros(len(theta), self.quantiles)
        layers = [
            torch.cat(
                [
                    none if part is None else row_quantiles(theta[:, part.start : part.stop], levels)
                    for part in (layer.weight, layer.bias)
                ],
                dim=1,
            )
            for layer in architecture.weighted
        ]
        return align_layers(architecture, torch.stack(layers, dim=1), places=self.layers)
