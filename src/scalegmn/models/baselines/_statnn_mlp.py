"""An MLP on statistics of the weights: the baseline that knows each layer's distribution only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

from torch import Tensor

from scalegmn.configuration import Configuration, Count, Rate, Widths
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext, Predictor
from scalegmn.models.baselines._mlp import make_mlp
from scalegmn.models.baselines._statnn_features import PER_SLOT, padded_features
from scalegmn.networks import Architecture
from scalegmn.nn import Standardize, load_old_names
from scalegmn.shapes import NetworkVectors


@dataclass(frozen=True, kw_only=True)
class StatNNConfig(Configuration):
    """Options of the MLP on statistics.

    Attributes:
        hidden: widths of its hidden layers.
        dropout: rate behind every hidden layer.
        layer_norm: normalize every hidden layer.
    """

    hidden: Widths = (256, 256)
    dropout: Rate = 0.0
    layer_norm: bool = True


@final
class StatNNMLP(Predictor):
    """Standardized statistics (:func:`~._statnn_features.padded_features`) through an MLP with SiLU.

    Reads mixed architectures.

    Args:
        layers: most weighted layers that a network has.
        outputs: length of the output.
        config: options.

    Law: invariant under permutations of hidden neurons, under nothing else.
    """

    name = "statnn_mlp"
    sections = MappingProxyType({"statnn": StatNNConfig})

    def __init__(self, *, layers: Count, outputs: Count, config: StatNNConfig) -> None:
        super().__init__()
        self.layers, self.outputs, self.config = layers, outputs, config
        self.standardize = Standardize(PER_SLOT * layers)
        self.mlp = make_mlp(
            inputs=PER_SLOT * layers,
            hidden=config.hidden,
            outputs=outputs,
            dropout=config.dropout,
            layer_norm=config.layer_norm,
        )
        load_old_names(self)

    @classmethod
    def build(cls, context: ModelContext) -> StatNNMLP:
        config = context.options.of(StatNNConfig)
        return cls.from_architectures(context.architectures, outputs=context.outputs, config=config)

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: StatNNConfig
    ) -> StatNNMLP:
        """A new model that reads networks of these architectures."""
        layers = max(len(architecture.weighted) for architecture in architectures)
        return cls(layers=layers, outputs=outputs, config=config)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        features = padded_features(batch, layers=self.layers)
        answer: Tensor = self.mlp(self.standardize(features))
        return answer

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and standard deviation of every statistic from networks of the training set."""
        self.standardize.fit(padded_features(batch, layers=self.layers))

    def arguments(self) -> Mapping[str, Any]:
        return {"layers": self.layers, "outputs": self.outputs, "config": self.config}
