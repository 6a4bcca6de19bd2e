"""ScaleGMN that also asks the networks: a look at the weights and at what they output, evaluated together.

Weights say how a network was made, outputs for a few learned inputs say what it does.  Probing is due to
Kahana et al., "Deep Linear Probe Generators for Weight Space Learning", ICLR 2025; see
:mod:`scalegmn.models.baselines._probes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from scalegmn.configuration import Count
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._config import ModelConfig
from scalegmn.models._gmn_beside_probes import ScaleGMNBesideProbes
from scalegmn.models._scalegmn import ScaleGMN
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.networks import Architecture
from scalegmn.nn import MLP
from scalegmn.shapes import NetworkVectors


@final
class ProbedScaleGMN(ScaleGMNBesideProbes):
    """Vectors of :class:`ScaleGMN` and of :class:`Probes` side by side, through an MLP.

    Args:
        gmn: reads the weights; returns its embedding.
        probes: asks the networks; its prediction has as many numbers as `gmn` has features.
        outputs: length of the output about a network.

    Law: that of ScaleGMN, because symmetries do not change what a network outputs for probes.
    """

    name = "scalegmn_probes"

    def __init__(self, *, gmn: ScaleGMN, probes: Probes, outputs: Count) -> None:
        super().__init__(gmn=gmn, probes=probes)
        self.outputs = outputs
        self.head = MLP(gmn.embedding_width + probes.outputs, outputs, style=gmn.config.style.mlp)

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: ModelConfig, probes: ProbesConfig
    ) -> ProbedScaleGMN:
        return cls(
            gmn=ScaleGMN(spec=GraphSpec.from_architectures(architectures), outputs=None, config=config),
            probes=Probes.from_architectures(architectures, outputs=config.features, config=probes),
            outputs=outputs,
        )

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        joined = torch.cat([self.gmn.predict(batch), self.probes.predict(batch)], dim=1)
        answer: Tensor = self.head(joined)
        return answer

    def arguments(self) -> Mapping[str, Any]:
        return {"gmn": self.gmn, "probes": self.probes, "outputs": self.outputs}
