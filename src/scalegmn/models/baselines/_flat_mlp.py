"""An MLP on the flattened weights: the baseline that knows no symmetry at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Configuration, Count, Rate, Widths
from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext, Predictor
from scalegmn.nn import mark_fitted, robust_moments, warn_if_unfitted
from scalegmn.shapes import NetworkVectors


@dataclass(frozen=True, kw_only=True)
class FlatMLPConfig(Configuration):
    """Options of the MLP.

    Attributes:
        hidden: widths of its hidden layers.
        dropout: rate behind every hidden layer.
        layer_norm: normalize every hidden layer.
    """

    hidden: Widths = (128, 128, 128)
    dropout: Rate = 0.0
    layer_norm: bool = True


@final
class FlatMLP(Predictor):
    """Standardized weights and biases, in their order, through an MLP with SiLU.

    Reads networks whose parameters have the same shapes, and notices every symmetry of theirs: it has no law.

    Args:
        parameters: P, parameters of one network.
        outputs: length of the output.
        config: options.
    """

    name = "flat_mlp"
    sections = MappingProxyType({"flat_mlp": FlatMLPConfig})
    one_layout = True
    mean: Tensor
    deviation: Tensor

    def __init__(self, *, parameters: Count, outputs: Count, config: FlatMLPConfig) -> None:
        super().__init__()
        self.parameters_read, self.outputs, self.config = parameters, outputs, config
        self.register_buffer("mean", torch.zeros(parameters))
        self.register_buffer("deviation", torch.ones(parameters))
        layers: list[nn.Module] = []
        for width, after in pairwise((parameters, *config.hidden)):
            layers += [nn.Linear(width, after)]
            layers += [nn.LayerNorm(after)] if config.layer_norm else []
            layers += [nn.SiLU(), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(config.hidden[-1], outputs))

    @classmethod
    def build(cls, context: ModelContext) -> FlatMLP:
        cls.check(context)
        count, config = context.architectures[0].num_parameters, context.options.of(FlatMLPConfig)
        return cls(parameters=count, outputs=context.outputs, config=config)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.

        Raises:
            GraphError: the networks do not have the architecture that the model was made for.
        """
        warn_if_unfitted(self, self.deviation)
        answer: Tensor = self.layers((self._flat(batch) - self.mean) / self.deviation)
        return answer

    @torch.no_grad()
    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and standard deviation of every number from networks of the training set.

        Numbers far outside are left out (:func:`scalegmn.nn.robust_moments`).
        """
        mark_fitted(self)
        mean, deviation = robust_moments(self._flat(batch))
        self.mean.copy_(mean)
        # What never changes, such as a bias that was not trained, has no size to bring to 1.
        self.deviation.copy_(torch.where(deviation > 1e-12, deviation, 1.0))

    def _flat(self, batch: NetworkBatch) -> Tensor:
        theta = batch.theta
        if theta.shape[1] != self.parameters_read:
            raise GraphError(
                f"FlatMLP reads networks of one layout, with {self.parameters_read} parameters each; got "
                f"{batch.architectures[0].describe()}; use ScaleGMN for other or mixed architectures"
            )
        return theta

    def arguments(self) -> Mapping[str, Any]:
        return {"parameters": self.parameters_read, "outputs": self.outputs, "config": self.config}
