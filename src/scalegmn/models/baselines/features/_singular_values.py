"""Singular values of layers, and of products of layers: how much of a network acts along few directions.

Products of weight matrices are what entries of the TrojAI challenge (Karra et al. 2020) compute to find
trojans in larger networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._positions import align_layers
from scalegmn.networks import Architecture, Conv, Weighted


@final
@dataclass(frozen=True, kw_only=True)
class SingularValueFeatures(FeatureSet):
    """The largest singular values of three kinds of matrices, ``(B, (1 + count) (2 layers - 1) + count)``.

    - Of every layer, the matrix ``(out, in taps)`` of all its weights.
    - Of every two consecutive layers, the product of their matrices ``(out, in)``, whose entries are sums
      over taps: what they do to inputs that are the same everywhere, were there no biases and activations.
    - The product of all these matrices, from inputs to outputs.

    A matrix with fewer singular values is filled up with zeros.  Skip connections are not in the products.
    The layers of a program are its weights (:attr:`scalegmn.networks.Architecture.weighted`); as these need
    not follow on each other, the places of all products are empty.
    Reads mixed architectures (:func:`~scalegmn.models.baselines.features._positions.align_layers`).

    Attributes:
        layers: most weighted layers that a network has.
        count: singular values of each matrix.

    Law: invariant under permutations and signs of hidden neurons; the product of all layers also under
    positive scales, because what a neuron's weights gain those behind it lose.  The rest is not: the product
    of two layers keeps the scales of its outer neurons.
    """

    name = "singular_values"
    layers: Width
    count: Width

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> SingularValueFeatures:
        """For networks of these architectures."""
        layers = max(len(architecture.weighted) for architecture in architectures)
        return SingularValueFeatures(layers=layers, count=config.singular_values)

    @property
    def size(self) -> int:
        return (1 + self.count) * (2 * self.layers - 1) + self.count

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return torch.cat([self._of(*part) for part in batch.parts])

    def _of(self, architecture: Architecture, theta: Tensor) -> Tensor:
        parameters = architecture.unflatten(theta)
        weights = [parameters[layer.weight.name] for layer in architecture.weighted]
        own = [self._values(_matrix(weight)) for weight in weights]
        layered = architecture.as_layers
        layers = [] if layered is None else [stage.weighted for stage in layered.stages]
        summed = [_summed(layer, weight) for layer, weight in zip(layers, weights, strict=False)]
        summed = [_joined(before, after) for before, after in pairwise([None, *summed]) if after is not None]
        products = [self._values(after @ before) for before, after in pairwise(summed)]
        none = theta.new_zeros(len(theta), 0, self.count)
        whole = (
            reduce(lambda before, after: after @ before, summed)
            if summed
            else theta.new_zeros(len(theta), 1, 1)
        )
        return torch.cat(
            [
                align_layers(architecture, torch.stack(own, dim=1), places=self.layers),
                align_layers(
                    architecture,
                    torch.stack(products, dim=1) if products else none,
                    places=self.layers - 1,
                    short=1,
                ),
                self._values(whole),
            ],
            dim=1,
        )

    def _values(self, matrices: Float[Tensor, "B out in"]) -> Float[Tensor, "B count"]:
        """The largest singular values, in descending order."""
        found = torch.linalg.svdvals(matrices)[:, : self.count]
        return torch.nn.functional.pad(found, (0, self.count - found.shape[1]))


def _matrix(weight: Tensor) -> Float[Tensor, "B out in"]:
    """A row for each output; a vector is one row."""
    return weight.flatten(2) if weight.ndim > 2 else weight.reshape(len(weight), 1, -1)


def _summed(layer: Weighted, weight: Tensor) -> Float[Tensor, "B out in"]:
    """The sum over taps; of groups, a matrix of blocks."""
    matrix = weight.flatten(3).sum(3) if weight.ndim > 3 else weight
    if isinstance(layer, Conv) and layer.groups > 1:
        rows, columns = layer.outputs // layer.groups, layer.inputs // layer.groups
        blocks = matrix.new_zeros(len(matrix), layer.outputs, layer.inputs)
        for group in range(layer.groups):
            own = slice(group * rows, (group + 1) * rows)
            blocks[:, own, group * columns : (group + 1) * columns] = matrix[:, own]
        return blocks
    return matrix


def _joined(before: Tensor | None, after: Tensor) -> Float[Tensor, "B out in"]:
    """A layer behind a flattened map: the sum over the places of each channel, as of taps."""
    if before is None or before.shape[1] == after.shape[2]:
        return after
    return after.unflatten(2, (before.shape[1], -1)).sum(3)
