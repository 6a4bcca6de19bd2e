"""Neural functional networks: permutation equivariant linear layers on weights, as a baseline.

Paper: Zhou et al., "Permutation Equivariant Neural Functionals", NeurIPS 2023.

The published layers carry one set of channels for every place of a kernel and, in HNP, for every input and
output neuron.  Here these places are features of the first layer, and behind it there are `channels`
features everywhere, so a layer costs the same whatever the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from scalegmn.configuration import Configuration, Count, Depth, Rate, Width, Widths
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext, Predictor
from scalegmn.models.baselines._equivariant_linear import EquivariantLinear, WeightFeatures
from scalegmn.models.baselines._mlp import make_mlp
from scalegmn.models.baselines._weight_space import WeightLayout
from scalegmn.networks import Architecture
from scalegmn.nn import Standardize, load_old_names
from scalegmn.shapes import NetworkVectors

_ENCODING = 16
"""Numbers in the encoding of an input or output neuron."""


class NFNVariant(Enum):
    """Which neurons the layers permute.

    ``np``: all; inputs and outputs are told apart by an encoding of their position.  ``hnp``: hidden ones;
    what belongs to each input and output neuron goes through maps of its own.
    """

    np = "np"
    hnp = "hnp"


@dataclass(frozen=True, kw_only=True)
class NFNConfig(Configuration):
    """Options of a neural functional network.

    Attributes:
        variant: which neurons the layers permute.
        channels: features of every connection and neuron.
        layers: equivariant linear layers.
        hidden: widths of the hidden layers of the MLP behind them.
        dropout: rate on all features, and in the MLP.
        layer_norm: normalize the hidden layers of the MLP.
    """

    variant: NFNVariant = NFNVariant.hnp
    channels: Width = 32
    layers: Depth = 3
    hidden: Widths = (128,)
    dropout: Rate = 0.0
    layer_norm: bool = True


@final
class NFN(Predictor):
    """Equivariant linear layers with SiLU between them, means over all neurons and connections, an MLP.

    Reads networks whose layers have the same sizes; their activations may differ, but it does not see them.
    Skip connections are not read.

    Args:
        architecture: of the networks that it reads.
        outputs: length of the output.
        config: options.

    Raises:
        GraphError: the architecture has convolutions with groups.

    Law: invariant under permutations of hidden neurons, under nothing else.
    """

    name = "nfn"
    sections = MappingProxyType({"nfn": NFNConfig})
    one_layout = True

    def __init__(self, *, architecture: Architecture, outputs: Count, config: NFNConfig) -> None:
        super().__init__()
        self.architecture, self.outputs, self.config = architecture, outputs, config
        self.layout = WeightLayout.from_architecture(architecture)
        # Statistics that all neurons of a layer share keep the law; every place of a kernel has its own.
        self.weight_scale = nn.ModuleList([Standardize(at.taps) for at in self.layout.layers])
        self.neuron_scale = nn.ModuleList([Standardize(len(at.columns)) for at in self.layout.layers])
        with torch.no_grad():
            probe = self._features(torch.zeros(1, architecture.num_parameters))
        widths = [probe.widths, *[probe.widths.with_channels(config.channels)] * config.layers]
        self.layers = nn.ModuleList(
            [EquivariantLinear(widths=width, channels=config.channels) for width in widths[:-1]]
        )
        self.dropout = nn.Dropout(config.dropout)
        self.mlp = make_mlp(
            inputs=widths[-1].overall,
            hidden=config.hidden,
            outputs=outputs,
            dropout=config.dropout,
            layer_norm=config.layer_norm,
        )
        load_old_names(self)

    @classmethod
    def build(cls, context: ModelContext) -> NFN:
        cls.check(context)
        return cls.from_architectures(
            context.architectures, outputs=context.outputs, config=context.options.of(NFNConfig)
        )

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: NFNConfig
    ) -> NFN:
        """A new model that reads networks of these architectures.

        Raises:
            ConfigurationError: their layers have different sizes.
            GraphError: an architecture has convolutions with groups.
        """
        layouts = {WeightLayout.from_architecture(architecture) for architecture in architectures}
        if len(layouts) != 1:
            raise ConfigurationError(
                f"metanetwork: nfn reads networks whose layers have the same sizes, there are {len(layouts)} "
                f"kinds: {'; '.join(sorted(layout.describe() for layout in layouts)[:5])}; use scalegmn"
            )
        return cls(architecture=architectures[0], outputs=outputs, config=config)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        features = self._features(self.layout.read(batch, model="NFN"))
        answer: Tensor = self.mlp(self._mapped(features).overall())
        return answer

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and standard deviation of the weights and biases of every layer."""
        theta = self.layout.read(batch, model="NFN")
        for scales, values in (
            (self.weight_scale, self.layout.weights(theta)),
            (self.neuron_scale, self.layout.neurons(theta)),
        ):
            for scale, value in zip(scales, values, strict=True):
                assert isinstance(scale, Standardize)
                scale.fit(value)

    def arguments(self) -> Mapping[str, Any]:
        return {"architecture": self.architecture, "outputs": self.outputs, "config": self.config}

    def _mapped(self, features: WeightFeatures) -> WeightFeatures:
        for layer in self.layers:
            features = layer(features).map(lambda x: self.dropout(silu(x)))
        return features

    def _features(self, theta: Tensor) -> WeightFeatures:
        """What the first layer reads, from ``theta (B, P)``."""
        weights = [
            scale(value) for scale, value in zip(self.weight_scale, self.layout.weights(theta), strict=True)
        ]
        neurons = [
            scale(value) for scale, value in zip(self.neuron_scale, self.layout.neurons(theta), strict=True)
        ]
        if self.config.variant is NFNVariant.np:
            return _all_permuted(weights, neurons)
        return _hidden_permuted(weights, neurons)


def _all_permuted(weights: list[Tensor], neurons: list[Tensor]) -> WeightFeatures:
    """NP: every layer is a set of neurons, inputs and outputs with encodings of their positions."""
    theta = weights[0]
    inputs = _encoding(theta.shape[2], theta).expand(len(theta), -1, -1)
    outputs = _encoding(neurons[-1].shape[1], theta).expand(len(theta), -1, -1)
    nodes = (inputs, *neurons[:-1], torch.cat([neurons[-1], outputs], dim=2))
    return WeightFeatures(tuple(weights), nodes, theta.new_zeros(len(theta), 0))


def _hidden_permuted(weights: list[Tensor], neurons: list[Tensor]) -> WeightFeatures:
    """HNP: only hidden layers are sets; weights at inputs and outputs are features of hidden neurons."""
    nodes = list(neurons[:-1])
    shared = neurons[-1].flatten(1)
    if not nodes:
        return WeightFeatures((), (), torch.cat([shared, weights[0].flatten(1)], dim=1))
    nodes[0] = torch.cat([nodes[0], weights[0].flatten(2)], dim=2)
    nodes[-1] = torch.cat([nodes[-1], weights[-1].transpose(1, 2).flatten(2)], dim=2)
    return WeightFeatures(tuple(weights[1:-1]), tuple(nodes), shared)


def _encoding(count: int, like: Tensor) -> Tensor:
    """Sines and cosines of the position at wavelengths from 6 to 60,000 neurons, ``(count, 16)``."""
    position = torch.arange(count, dtype=like.dtype, device=like.device)
    steps = torch.arange(_ENCODING // 2, dtype=like.dtype, device=like.device)
    angle = position[:, None] / 10_000.0 ** (2 * steps / _ENCODING)
    return torch.cat([angle.sin(), angle.cos()], dim=1)
