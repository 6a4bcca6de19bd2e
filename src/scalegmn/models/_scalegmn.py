"""ScaleGMN: a metanetwork that answers questions about networks.

Paper: Kalogeropoulos, Bouritsas, Panagakis, "Scale Equivariant Graph Metanetworks", NeurIPS 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Count, Sections
from scalegmn.graph import GraphSpec, NetworkBatch, NetworkGraph
from scalegmn.models._backbone import Backbone
from scalegmn.models._config import ModelConfig, ReadoutKind
from scalegmn.models._metanetwork import Judge, ModelContext
from scalegmn.nn.mlp import MLP
from scalegmn.nn.readout import FullGraphReadout, LastLayerReadout, Readout
from scalegmn.nn.statistics import WeightStatistics
from scalegmn.shapes import NetworkVectors


@final
class ScaleGMN(Judge):
    """One vector of numbers per network: logits of a class, an accuracy, an embedding.

    Args:
        spec: limits of the networks it can read.
        outputs: length of the answer; None to answer with the embedding itself.
        config: options; ``symmetry=Symmetry.permutation`` makes the permutation-only model.

    Law: invariant under every symmetry of the networks that `config` names.  The phase of sine neurons
    is no part of it: canonicalise sine networks first
    (:func:`scalegmn.symmetry.canonicalize_sine_phase`).
    """

    name = "scalegmn"
    sections = MappingProxyType({"model": ModelConfig})
    recomputes = True

    def __init__(self, *, spec: GraphSpec, outputs: Count | None, config: ModelConfig) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        readouts: dict[ReadoutKind, type[Readout]] = {
            ReadoutKind.last_layer: LastLayerReadout,
            ReadoutKind.full_graph: FullGraphReadout,
        }
        kind = readouts[config.readout]
        self.backbone = Backbone(spec=spec, config=config, wanted=kind.wanted(config.style))
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
        spec, config = GraphSpec.of(context.architectures), context.options.of(ModelConfig)
        return cls(spec=spec, outputs=context.outputs, config=config)

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return options.of(ModelConfig).words

    @property
    def limits(self) -> GraphSpec:
        return self.spec

    def forward(self, graph: NetworkGraph) -> NetworkVectors:
        """A network or a batch to ``(B, outputs)``."""
        answer: Tensor = self.head(self.embed(graph))
        return answer

    def embed(self, graph: NetworkGraph) -> NetworkVectors:
        """The invariant vector of every network, before the head, ``(B, width)``."""
        reading = self.backbone(graph)
        embedding: Tensor = self.readout(reading.state, reading.at)
        if self.statistics is None:
            return embedding
        return torch.cat([embedding, self.statistics(graph)], dim=1)

    def answer(self, batch: NetworkBatch) -> NetworkVectors:
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
