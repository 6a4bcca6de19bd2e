"""What every set of numbers about networks has in common.

A set that configurations can name is one class in one file: what it is called, what it can read, how it is
made.  It is found by its name in :data:`FEATURES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Configuration, Count, Limits, Width
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._searches import SearchKind
from scalegmn.networks import Architecture
from scalegmn.registry import Lazy, Registered, Registry


@dataclass(frozen=True, kw_only=True)
class FeatureSet(Configuration, ABC):
    """Numbers that are computed from the weights of a network, as many for each.

    Subclasses are dataclasses of what decides how many there are; with these fields and the name they are
    saved, and made again.
    """

    name: ClassVar[str]
    """As written in configurations and saved models."""

    one_layout: ClassVar[bool] = False
    """Whether it reads only networks whose parameters all have the same names and shapes."""

    any_width: ClassVar[bool] = False
    """Whether the numbers stay under neurons that are split, or that nobody reads."""

    @classmethod
    def register(cls) -> None:
        """Let configurations and saved models name this class.

        Raises:
            ConfigurationError: another class has the name.
        """
        FEATURES.register(cls.name, cls)

    @classmethod
    @abstractmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> FeatureSet:
        """The set for networks of these architectures.

        Args:
            architectures: one or more.
            config: what the user asked for.

        Raises:
            ConfigurationError: it cannot read all of them.
        """

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
        """Plain data, from which a saved model makes the same set."""
        return {"kind": self.name, **super().to_plain()}


FEATURES: Final = Registry[type[FeatureSet]](
    "type of features",
    entries={
        "statnn": Lazy("scalegmn.models.baselines.features:StatNNFeatures"),
        "canonical": Lazy("scalegmn.models.baselines.features:CanonicalFeatures"),
        "norms": Lazy("scalegmn.models.baselines.features:NormFeatures"),
        "flat": Lazy("scalegmn.models.baselines.features:FlatFeatures"),
        "inversion": Lazy("scalegmn.models.baselines.features:InversionFeatures"),
        "last_layer": Lazy("scalegmn.models.baselines.features:LastLayerFeatures"),
        "last_layer_anomalies": Lazy("scalegmn.models.baselines.features:LastLayerAnomalies"),
        "singular_values": Lazy("scalegmn.models.baselines.features:SingularValueFeatures"),
        "sorted_weights": Lazy("scalegmn.models.baselines.features:SortedWeightFeatures"),
    },
)
"""Sets of numbers about networks, by the names that configurations and saved models have for them."""


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig(Configuration):
    """Options of what fitted baselines read.

    Attributes:
        type: which numbers.  ``statnn``: mean, variance and quantiles of every layer.  ``canonical``: the
            like after every neuron was brought to size 1.  ``norms``: the size of every layer, and nothing
            else; a control.  ``flat``: all weights as they are.  ``last_layer``: how the rows of the last
            layer differ.  ``last_layer_anomalies``: how unlike the others each class is there, by more
            indicators.  ``singular_values``: those of layers and of products of layers.
            ``sorted_weights``: those of every layer in ascending order.  ``inversion``: what triggers reach
            that are searched for.  Extensions add others.
        singular_values: how many of each matrix, the largest first.
        quantiles: of every tensor, where weights are sorted.
        image_size: height and width of images, where networks are run that do not say it.
        images: file of tensors ``(n, channels, height, width)``: images as the networks take them, from which
            triggers are searched, such as the mean of each class; none for drawn ones.
        searches: in which ways triggers are searched.  ``free``: any change of a length.  ``bounded``: one
            that leaves inputs where inputs can be.  ``smooth``: the same by slow waves.  ``window``: the
            same in a part of an image.  ``away``: away from what a network answers.
        by_design: whether each number also stands in units of training networks that are built alike.
    """

    type: Annotated[str, Registered(FEATURES)] = "statnn"
    singular_values: Count = 10
    quantiles: Annotated[int, Limits(low=2)] = 64
    image_size: tuple[Width, Width] | None = None
    images: Path | None = None
    searches: tuple[SearchKind, ...] = (SearchKind.free,)
    by_design: bool = False
