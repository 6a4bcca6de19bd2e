"""How large the parameters of networks are, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.networks import Architecture, Parameter
from scalegmn.nn import PER_SET, SETS_PER_LAYER
from scalegmn.training._typicality import InvariantStatistics

# Of each layer the statistics that are sizes: mean and largest of weights, and of biases.
SETS = (1, 3)
OF_SET = (0, PER_SET - 1)


@final
class ParameterSizes:
    """Mean and largest size of the weights, and of the biases, of every layer.

    Where the layers of all networks stand in lists, neurons that scale are brought to size 1 first.  The
    parameters of programs are taken as they are, weight by weight, whatever reads the networks; as statistics
    of layers do, the last one stands in the last place, and the others in the first.

    Args:
        architectures: the largest networks that can be read.
    """

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self._canonical: InvariantStatistics | None = None
        if all(architecture.as_layers is not None for architecture in architectures):
            self._canonical = InvariantStatistics(architectures)
            self.layers = GraphSpec.from_architectures(architectures).layers + 1
        else:
            self.layers = max(len(architecture.weighted) for architecture in architectures)

    def of(self, batch: NetworkBatch) -> Float[Tensor, "B layers 4"]:
        """Sizes of the networks of a batch, in its order, float64; 0 where a network has nothing.

        Raises:
            GraphError: a network has more layers.
        """
        if self._canonical is not None:
            found = self._canonical.compute(batch)
            shaped = found.reshape(len(found), -1, SETS_PER_LAYER, PER_SET)
            return shaped[:, :, list(SETS)][..., list(OF_SET)].flatten(2)
        return torch.cat([self._as_they_are(*part) for part in batch.parts])

    @torch.no_grad()
    def _as_they_are(self, architecture: Architecture, theta: Tensor) -> Tensor:
        count = len(architecture.weighted)
        if count > self.layers:
            raise GraphError(
                f"{architecture.describe()} has {count} weights, but the largest network of the training has "
                f"{self.layers}; train on such networks"
            )
        sizes = torch.zeros(len(theta), self.layers, len(SETS) * len(OF_SET), dtype=torch.float64)
        for place, layer in zip([*range(count - 1), self.layers - 1], architecture.weighted, strict=True):
            parts = [_sizes(theta, part) for part in (layer.weight, layer.bias)]
            sizes[:, place] = torch.cat(parts, dim=1)
        return sizes


def _sizes(theta: Tensor, parameter: Parameter | None) -> Float[Tensor, "B 2"]:
    """Mean and largest size."""
    if parameter is None:
        return torch.zeros(len(theta), len(OF_SET), dtype=torch.float64)
    own = theta[:, parameter.start : parameter.stop].abs().double().cpu()
    return torch.stack([own.mean(1), own.amax(1)], dim=1)
