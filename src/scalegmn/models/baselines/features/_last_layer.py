"""How the rows of a classifier's last layer differ: where one class is favored, its row may show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._last_rows import common_classes, last_rows, robust_z_scores
from scalegmn.networks import Architecture

PER_CLASS: Final = 4
"""Figures of every class: mean, maximum and norm of its weights, and its bias."""


@final
@dataclass(frozen=True, kw_only=True)
class LastLayerFeatures(FeatureSet):
    """Figures of the rows of the last layer, ``(B, 4 (2 classes + 1))``.

    For each of the mean, the largest weight and the L2 norm of a class's row, and its bias: the figure of
    every class in the order of the classes, the same in descending order, and the largest robust z-score of
    any class, ``max |x - median| / (1.4826 median |x - median|)`` over classes, 0 where most classes
    have the same figure.  Reads mixed architectures with as many outputs.

    Attributes:
        classes: outputs of every network.

    In a program, the last layer is the last matrix with a row for each output.

    Law: invariant under permutations of hidden neurons, not under their signs and scales.  Classes have names
    and are not permuted; the descending figures and the z-scores do not depend on their order.
    """

    name = "last_layer"
    classes: Width

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> LastLayerFeatures:
        """For networks of these architectures.

        Raises:
            ConfigurationError: they have different numbers of outputs.
        """
        return LastLayerFeatures(classes=common_classes(architectures, reader=f"features: {cls.name}"))

    @property
    def size(self) -> int:
        return PER_CLASS * (2 * self.classes + 1)

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        figures = torch.cat([self._figures(*part) for part in batch.parts])
        ordered = figures.sort(dim=2, descending=True).values
        outliers = robust_z_scores(figures).abs().amax(dim=2)
        return torch.cat([figures.flatten(1), ordered.flatten(1), outliers], dim=1)

    def _figures(self, architecture: Architecture, theta: Tensor) -> Float[Tensor, "B 4 classes"]:
        rows, biases = last_rows(architecture, theta, classes=self.classes, reader=self.name)
        return torch.stack([rows.mean(2), rows.amax(2), rows.norm(dim=2), biases], dim=1)
