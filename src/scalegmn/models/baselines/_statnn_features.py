"""Statistics of the weights and biases of every layer, in which the order of neurons is lost.

Paper: Unterthiner, Keysers, Gelly, Bousquet, Tolstikhin, "Predicting Neural Network Accuracy from
Weights", 2020.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Architecture, WeightedParameters
from scalegmn.nn import row_quantiles
from scalegmn.shapes import ParameterRows

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
STATISTICS = 2 + len(QUANTILES)
"""Numbers per tensor: mean, variance, quantiles."""
PER_LAYER = 2 * STATISTICS
"""Numbers per layer: those of its weights, then those of its biases."""
PER_SLOT = 1 + PER_LAYER
"""Numbers per place for a layer in :func:`padded_features`."""

# Sorting needs several copies of what is sorted; a whole population at once may be too much.
_ROWS = 1024


def statnn_features(architecture: Architecture, theta: ParameterRows) -> Float[Tensor, "B F"]:
    """Statistics of networks of one architecture with L weighted layers, ``(B, 14 L)``.

    Layer by layer: mean, variance and the quantiles 0, 25, 50, 75 and 100 % of the weights, then the same of
    the biases.  The variance divides by the number of values; quantiles between two values are
    interpolated.  A layer without biases has biases that are 0, and so are their statistics.  Learned slopes
    of activations are not read.  The layers of a program are its weights
    (:attr:`scalegmn.networks.Architecture.weighted`).

    Law: invariant under permutations of hidden neurons, under nothing else.
    """
    parts = []
    for rows in theta.split(_ROWS):
        layers = [_of_layer(layer, rows) for layer in architecture.weighted]
        parts.append(torch.cat(layers, dim=1))
    return torch.cat(parts)


def padded_features(batch: NetworkBatch, *, layers: int) -> Float[Tensor, "B F"]:
    """Statistics of networks of any architectures in `layers` places, ``(B, 15 layers)``.

    The last weighted layer of a network stands in the last place, those before it in the first places in
    their order; the places between are empty.  A place holds 1 and the 14 statistics of its layer, or zeros
    where it is empty.

    Raises:
        GraphError: a network has more weighted layers.
    """
    return torch.cat([_padded(architecture, theta, layers) for architecture, theta in batch.parts])


def _padded(architecture: Architecture, theta: Tensor, layers: int) -> Tensor:
    count = len(architecture.weighted)
    if count > layers:
        raise GraphError(
            f"{architecture.describe()} has {count} weighted layers, but the model was made for at most "
            f"{layers}; make it for these networks"
        )
    found = statnn_features(architecture, theta).unflatten(1, (count, PER_LAYER))
    padded = found.new_zeros(len(theta), layers, PER_SLOT)
    places = [*range(count - 1), layers - 1]
    padded[:, places, 0] = 1
    padded[:, places, 1:] = found
    return padded.flatten(1)


def _of_layer(layer: WeightedParameters, theta: Tensor) -> Tensor:
    found = [_statistics(theta[:, layer.weight.start : layer.weight.stop])]
    if layer.bias is not None:
        found.append(_statistics(theta[:, layer.bias.start : layer.bias.stop]))
    else:
        found.append(theta.new_zeros(len(theta), STATISTICS))
    return torch.cat(found, dim=1)


def _statistics(values: Tensor) -> Tensor:
    """Statistics of every row of ``values (B, n)``, ``(B, 7)``."""
    quantiles = row_quantiles(values, QUANTILES)
    return torch.cat(
        [values.mean(1, keepdim=True), values.var(1, correction=0, keepdim=True), quantiles], dim=1
    )
