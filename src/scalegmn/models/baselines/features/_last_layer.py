"""How the rows of a classifier's last layer differ: where one class is favored, its row may show it.

The robust z-score is that of Iglewicz and Hoaglin 1993, as Neural Cleanse (Wang et al. 2019) asks it of
triggers that were searched for; here it is asked of the weights themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture

PER_CLASS: Final = 4
"""Figures of every class: mean, maximum and norm of its weights, and its bias."""

# The median absolute deviation of normal numbers, times this, is their standard deviation.
_NORMAL: Final = 1.4826


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
        counts = sorted({architecture.num_outputs for architecture in architectures})
        if len(counts) > 1:
            raise ConfigurationError(
                f"features: last_layer reads networks with as many outputs, there are some with {counts}; "
                "choose networks with data.where, or other features"
            )
        return LastLayerFeatures(classes=counts[0])

    @property
    def size(self) -> int:
        return PER_CLASS * (2 * self.classes + 1)

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        figures = torch.cat([self._figures(*part) for part in batch.parts])
        ordered = figures.sort(dim=2, descending=True).values
        return torch.cat([figures.flatten(1), ordered.flatten(1), _outliers(figures)], dim=1)

    def _figures(self, architecture: Architecture, theta: Tensor) -> Float[Tensor, "B 4 classes"]:
        if architecture.num_outputs != self.classes:
            raise GraphError(
                f"{architecture.describe()} has {architecture.num_outputs} outputs, but the model was made "
                f"for {self.classes}; make it for these networks"
            )
        parameters = architecture.unflatten(theta)
        layers = [one for one in architecture.weighted if one.has_rows(self.classes)]
        if not layers:
            raise GraphError(
                f"{architecture.describe()} has no matrix with a row for each of its {self.classes} outputs, "
                "which last_layer reads; choose other features"
            )
        rows = parameters[layers[-1].weight.name].flatten(2)
        bias = layers[-1].bias
        biases = rows.new_zeros(rows.shape[:2]) if bias is None else parameters[bias.name]
        return torch.stack([rows.mean(2), rows.amax(2), rows.norm(dim=2), biases], dim=1)


def _outliers(figures: Float[Tensor, "B 4 classes"]) -> Float[Tensor, "B 4"]:
    """The largest robust z-score over classes."""
    # Not torch.median, which takes the lower one of two in the middle.
    away = (figures - _median(figures)).abs()
    spread = _NORMAL * _median(away)
    return torch.where(spread > 0, away / spread.clamp_min(1e-30), 0.0).amax(dim=2)


def _median(values: Float[Tensor, "B 4 classes"]) -> Float[Tensor, "B 4 1"]:
    ordered, middle = values.sort(dim=2).values, values.shape[2] - 1
    return (ordered[..., middle // 2] + ordered[..., (middle + 1) // 2]).unsqueeze(2) / 2
