"""ScaleGMN that also asks the networks: a look at the weights and at what they output, evaluated together.

Weights say how a network was made, outputs for a few learned inputs say what it does.  Probing is due to
Kahana et al., "Deep Linear Probe Generators for Weight Space Learning", ICLR 2025; see
:mod:`scalegmn.models.baselines._probes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor

from scalegmn.configuration import Count, Sections
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._config import ModelConfig
from scalegmn.models._metanetwork import ModelContext, Predictor
from scalegmn.models._scalegmn import ScaleGMN
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.networks import Architecture
from scalegmn.nn import MLP
from scalegmn.shapes import NetworkVectors


@final
class ProbedScaleGMN(Predictor):
    """Vectors of :class:`ScaleGMN` and of :class:`Probes` side by side, through an MLP.

    Args:
        gmn: reads the weights; returns its embedding.
        probes: asks the networks; its prediction has as many numbers as `gmn` has features.
        outputs: length of the output about a network.

    Law: that of ScaleGMN, because symmetries do not change what a network outputs for probes.
    """

    name = "scalegmn_probes"
    sections = MappingProxyType({"model": ModelConfig, "probes": ProbesConfig})
    recomputes = True

    def __init__(self, *, gmn: ScaleGMN, probes: Probes, outputs: Count) -> None:
        super().__init__()
        self.gmn, self.probes, self.outputs = gmn, probes, outputs
        self.head = MLP(gmn.embedding_width + probes.outputs, outputs, style=gmn.config.style.mlp)

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: ModelConfig, probes: ProbesConfig
    ) -> ProbedScaleGMN:
        """A new model that reads networks of these architectures.

        Raises:
            ConfigurationError: the networks cannot be shown the same inputs.
        """
        return cls(
            gmn=ScaleGMN(spec=GraphSpec.from_architectures(architectures), outputs=None, config=config),
            probes=Probes.from_architectures(architectures, outputs=config.features, config=probes),
            outputs=outputs,
        )

    @classmethod
    def build(cls, context: ModelContext) -> ProbedScaleGMN:
        config, probes = context.options.of(ModelConfig), context.options.of(ProbesConfig)
        return cls.from_architectures(
            context.architectures, outputs=context.outputs, config=config, probes=probes
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return options.of(ModelConfig).words

    @property
    def limits(self) -> GraphSpec:
        return self.gmn.spec

    @property
    def any_width(self) -> bool:
        return self.gmn.any_width and self.probes.any_width

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        joined = torch.cat([self.gmn.predict(batch), self.probes.predict(batch)], dim=1)
        answer: Tensor = self.head(joined)
        return answer

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take the sizes of weights and of outputs for probes from training networks."""
        self.gmn.fit_scale(batch)
        self.probes.fit_scale(batch)

    def arguments(self) -> Mapping[str, Any]:
        return {"gmn": self.gmn, "probes": self.probes, "outputs": self.outputs}
