"""How large the parameters of networks are, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from jaxtyping import Float
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.networks import Architecture
from scalegmn.nn import PER_SET, SETS_PER_LAYER
from scalegmn.training._typicality import InvariantStatistics

# Of each layer the statistics that are sizes: mean and largest of weights, and of biases.
SETS = (1, 3)
OF_SET = (0, PER_SET - 1)


@final
class ParameterSizes:
    """Mean and largest size of the weights, and of the biases, of every layer.

    Neurons that scale are brought to size 1 first, so that what computes the same has the same sizes.

    Args:
        architectures: the largest networks that can be read.
    """

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self._canonical = InvariantStatistics(architectures)
        self.layers = GraphSpec.from_architectures(architectures).layers + 1

    def of(self, batch: NetworkBatch) -> Float[Tensor, "B layers 4"]:
        """Sizes of the networks of a batch, in its order, float64; 0 where a network has nothing.

        Raises:
            GraphError: a network has more layers.
        """
        found = self._canonical.compute(batch)
        shaped = found.reshape(len(found), -1, SETS_PER_LAYER, PER_SET)
        return shaped[:, :, list(SETS)][..., list(OF_SET)].flatten(2)
