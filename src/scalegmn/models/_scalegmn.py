"""ScaleGMN: a metanetwork that makes predictions for networks.

Paper: Kalogeropoulos, Bouritsas, Panagakis, "Scale Equivariant Graph Metanetworks", NeurIPS 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Count, Sections
from scalegmn.graph import AnyGraph, GraphSpec, NetworkBatch
from scalegmn.models._backbone import Backbone
from scalegmn.models._config import ModelConfig, Symmetry
from scalegmn.models._metanetwork import Embedder, ModelContext
from scalegmn.nn import MLP, READOUTS, WeightStatistics
from scalegmn.shapes import NetworkVectors


@final
class ScaleGMN(Embedder):
    r"""One vector of numbers per network: logits of a class, an accuracy, an embedding.

    .. math::

        x^0, u^0, e^0 = \mathrm{start}(w, b), \qquad
        x^{l}, u^{l}, e^{l} = \mathrm{layer}_l(x^{l-1}, u^{l-1}, e^{l-1}), \qquad
        y = \mathrm{MLP}\big(\mathrm{readout}(x^L, u^L)\big)

    A layer is a :class:`~scalegmn.nn.ScaleMessagePassing`; for a hidden neuron i of a forward model

    .. math::

        x'_i = \mathrm{ScaleEq}\Big(\Big[x_i,\; \textstyle\sum_j
               \mathrm{ScaleEq}\big(W_1 x_j \odot W_2 e_{ij}\big)\Big]\Big), \qquad
        \mathrm{ScaleEq}(x) = (W x) \odot \rho(x / \lVert x \rVert)

    Source: Kalogeropoulos, Bouritsas, Panagakis, "Scale Equivariant Graph Metanetworks", NeurIPS 2024;
    `docs/the_layer.md` says what goes beyond it.

    Args:
        spec: limits of the networks it can read.
        outputs: number of outputs per network; None to return the embedding itself.
        config: options; ``symmetry=Symmetry.permutation`` makes the permutation-only model.

    Shapes: a graph of B networks to ``(B, outputs)``.

    Law: invariant under every symmetry of the networks that `config` names.  The phase of sine neurons
    is part of it with ``continuous_phases=True``; else canonicalize sine networks first
    (:func:`scalegmn.symmetry.canonicalize_sine_phase`).

    Example:
        >>> import torch
        >>> from scalegmn import Activation, GraphSpec, ModelConfig, ScaleGMN, batch_graphs, mlp
        >>> network = mlp(widths=(2, 8, 8, 3), activations=[Activation("relu"), Activation("tanh")])
        >>> config = ModelConfig(features=16, layers=2)
        >>> model = ScaleGMN(spec=GraphSpec.from_architectures([network]), outputs=10, config=config)
        >>> weights = torch.randn(5, network.num_parameters)
        >>> model.eval()(batch_graphs(network, weights)).shape
        torch.Size([5, 10])

        Rescaled, with other signs and permuted, networks compute what they did, and get the same outputs:

        >>> from scalegmn import SymmetryAction
        >>> from scalegmn.seeding import generator
        >>> model, weights, action = model.double(), weights.double(), SymmetryAction(network)
        >>> moved = action.apply(weights, action.draw(generator=generator(0)))
        >>> torch.allclose(moved, weights)
        False
        >>> torch.allclose(model(batch_graphs(network, moved)), model(batch_graphs(network, weights)))
        True
    """

    name = "scalegmn"
    sections = MappingProxyType({"model": ModelConfig})
    recomputes = True

    def __init__(self, *, spec: GraphSpec, outputs: Count | None, config: ModelConfig) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        kind = READOUTS.get(config.readout)
        self.backbone = Backbone(spec=spec, config=config, needs=kind.needs(config.style))
        self.readout = kind(spec=spec, style=config.style)
        self.statistics = (
            WeightStatistics(
                spec=spec, outputs=config.features, symmetric=self.backbone.symmetric, style=config.style.mlp
            )
            if config.statistics
            else None
        )
        self.embedding_width = self.readout.width + config.features * config.statistics
        self.bare = outputs is None
        self.outputs = self.embedding_width if outputs is None else outputs
        self.head = (
            nn.Identity() if self.bare else MLP(self.embedding_width, self.outputs, style=config.style.mlp)
        )

    @classmethod
    def build(cls, context: ModelContext) -> ScaleGMN:
        spec, config = GraphSpec.from_architectures(context.architectures), context.options.of(ModelConfig)
        return cls(spec=spec, outputs=context.outputs, config=config)

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return options.of(ModelConfig).words

    @property
    def limits(self) -> GraphSpec:
        return self.spec

    @property
    def any_width(self) -> bool:
        return self.config.symmetry is Symmetry.any_width

    def forward(self, graph: AnyGraph) -> NetworkVectors:
        """A network or a batch to ``(B, outputs)``."""
        answer: Tensor = self.head(self.embed(graph))
        return answer

    def embed(self, graph: AnyGraph) -> NetworkVectors:
        """The invariant vector of every network, before the head, ``(B, width)``."""
        reading = self.backbone(graph)
        embedding: Tensor = self.readout(reading.state, reading.neurons)
        if self.statistics is None:
            return embedding
        return torch.cat([embedding, self.statistics(graph)], dim=1)

    def embedded(self, batch: NetworkBatch) -> NetworkVectors:
        return self.embed(batch.graph)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        answer: Tensor = self(batch.graph)
        return answer

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take the constants that bring each layer's parameters to size 1 from training networks."""
        self.backbone.scale.fit(batch.graph)
        if self.statistics is not None:
            self.statistics.fit(batch.graph)

    def arguments(self) -> Mapping[str, Any]:
        return {
            "spec": self.spec,
            "outputs": None if self.bare else self.outputs,
            "config": self.config,
        }
