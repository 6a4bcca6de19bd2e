"""What every set of numbers about networks has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Configuration, Count
from scalegmn.graph import NetworkBatch


class FeatureType(Enum):
    """Which numbers are computed from the weights of a network.

    ``statnn``: mean, variance and quantiles of every layer.  ``norms``: the size of every layer, and nothing
    else; a control.  ``flat``: all weights as they are.  ``last_layer``: how the rows of the last layer
    differ.  ``singular_values``: those of layers and of products of layers.
    """

    statnn = "statnn"
    norms = "norms"
    flat = "flat"
    last_layer = "last_layer"
    singular_values = "singular_values"


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig(Configuration):
    """Options of what fitted baselines read.

    Attributes:
        type: which numbers.
        singular_values: how many of each matrix, the largest first.
    """

    type: FeatureType = FeatureType.statnn
    singular_values: Count = 10


@dataclass(frozen=True, kw_only=True)
class FeatureSet(Configuration, ABC):
    """Numbers that are computed from the weights of a network, as many for each.

    Subclasses are dataclasses of what decides how many there are.
    """

    kind: ClassVar[FeatureType]

    @property
    @abstractmethod
    def size(self) -> int:
        """F, how many numbers."""

    @abstractmethod
    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """The numbers of every network, in the order of the batch.

        Raises:
            GraphError: a network is of another kind than those that the set was made for.
        """

    def to_plain(self) -> dict[str, Any]:
        """Plain data, from which :func:`~.kinds.features_from_plain` makes the same set."""
        return {"kind": self.kind.name, **super().to_plain()}
