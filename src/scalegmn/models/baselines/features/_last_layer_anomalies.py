"""How unlike the others each class is in a classifier's last layer, by several indicators.

Paper: Yu et al., "Lightweight and Fast Backdoor Model Detection" (DFBScanner), arXiv 2605.18907, 2026, as its
abstract describes it: anomaly indicators of the parameters of the last layer, combined, and the class that is
most unlike the others decides.  Which indicators there are, and how they are combined, is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from scalegmn.configuration import Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._last_rows import common_classes, last_rows, robust_z_scores
from scalegmn.networks import Architecture

INDICATORS: Final = ("mean", "deviation", "norm", "maximum", "minimum", "kurtosis", "bias", "cosine")
"""Of every class: of the weights in its row mean, standard deviation, L2 norm, maximum, minimum and excess
kurtosis; its bias; and the mean cosine of its row to those of the other classes."""


@final
@dataclass(frozen=True, kw_only=True)
class LastLayerAnomalies(FeatureSet):
    """Indicators of the last layer's classes, ``(B, (2 indicators + 1) classes)``.

    Of each of :data:`INDICATORS` all classes in descending order; of each the robust z-scores of all classes
    over classes (:meth:`z_scores`), likewise, as ``sign(z) log(1 + |z|)``; and each class's mean ``|z|``, in
    the same way.  Reads mixed architectures with as many outputs; in a program the last layer is the last
    matrix with a row for each output.

    Attributes:
        classes: outputs of every network.

    Law: invariant under permutations of hidden neurons and of classes, not under signs and scales of hidden
    neurons.  The z-scores do not change either when all neurons of the last hidden layer are multiplied by
    one positive number, which their outgoing weights are divided by.

    Source: arXiv 2605.18907, as its abstract describes it.
    """

    name = "last_layer_anomalies"
    classes: Width

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> LastLayerAnomalies:
        """For networks of these architectures.

        Raises:
            ConfigurationError: they have different numbers of outputs.
        """
        return LastLayerAnomalies(classes=common_classes(architectures, reader=f"features: {cls.name}"))

    @property
    def size(self) -> int:
        return (2 * len(INDICATORS) + 1) * self.classes

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        figures, scores = self._figures(batch), self.z_scores(batch)
        anomalies = scores.abs().mean(dim=1, keepdim=True)
        compressed = torch.cat([scores.sign() * scores.abs().log1p(), anomalies.log1p()], dim=1)
        return torch.cat([figures, compressed], dim=1).sort(dim=2, descending=True).values.flatten(1)

    def z_scores(self, batch: NetworkBatch) -> Float[Tensor, "B indicators classes"]:
        """How far each class is from the median class by each indicator, in robust deviations.

        Raises:
            GraphError: a network has other outputs, or no last layer.
        """
        return robust_z_scores(self._figures(batch))

    def _figures(self, batch: NetworkBatch) -> Float[Tensor, "B indicators classes"]:
        parts = [last_rows(*part, classes=self.classes, reader=self.name) for part in batch.parts]
        return torch.cat([_indicators(*part) for part in parts])


def _indicators(
    rows: Float[Tensor, "B classes n"], biases: Float[Tensor, "B classes"]
) -> Float[Tensor, "B indicators classes"]:
    deviation = rows.std(2, correction=0)
    units = (rows - rows.mean(2, keepdim=True)) / deviation.clamp_min(1e-30).unsqueeze(2)
    # Of a row whose weights are all the same there is no shape.
    kurtosis = torch.where(deviation > 0, units.pow(4).mean(2) - 3, 0.0)
    directions = normalize(rows, dim=2)
    others = directions.sum(1, keepdim=True) - directions
    cosine = (directions * others).sum(2) / max(1, rows.shape[1] - 1)
    found = (rows.mean(2), deviation, rows.norm(dim=2), rows.amax(2), rows.amin(2), kurtosis, biases, cosine)
    return torch.stack(found, dim=1)
