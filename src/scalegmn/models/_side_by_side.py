"""ScaleGMN and probes, each as if it were alone, and the mean of what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._config import ModelConfig
from scalegmn.models._gmn_beside_probes import ScaleGMNBesideProbes
from scalegmn.models._scalegmn import ScaleGMN
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.networks import Architecture
from scalegmn.nn import PartMixture
from scalegmn.shapes import NetworkVectors


@final
class ScaleGMNAndProbes(ScaleGMNBesideProbes):
    """A mean of the answers of :class:`ScaleGMN` and of :class:`Probes`; no layer reads both.

    Each has a loss of its own, so that neither learns more slowly, or memorizes more, because of the other.
    How much each counts is chosen on validation networks when both have learned: 0 and 1 are among the
    choices, so that beside a part that is worth nothing the other stands alone.  For few networks;
    :class:`~scalegmn.models.ProbedScaleGMN` lets one MLP read both.

    Args:
        gmn: reads the weights.
        probes: asks the networks; answers as `gmn` does.

    Law: that of ScaleGMN, because symmetries do not change what a network outputs for probes.
    """

    name = "scalegmn_and_probes"

    def __init__(self, *, gmn: ScaleGMN, probes: Probes) -> None:
        super().__init__(gmn=gmn, probes=probes)
        if gmn.outputs != probes.outputs:
            raise ConfigurationError(
                f"gmn answers with {gmn.outputs} numbers and probes with {probes.outputs}; expected as many"
            )
        self.outputs = gmn.outputs
        self.mixture = PartMixture(2)

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: ModelConfig, probes: ProbesConfig
    ) -> ScaleGMNAndProbes:
        return cls(
            gmn=ScaleGMN(spec=GraphSpec.from_architectures(architectures), outputs=outputs, config=config),
            probes=Probes.from_architectures(architectures, outputs=outputs, config=probes),
        )

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        answer: Tensor = self.mixture(*self.predict_to_learn(batch))
        return answer

    def predict_to_learn(self, batch: NetworkBatch) -> tuple[NetworkVectors, ...]:
        """``(B, outputs)`` of each part."""
        return self.gmn.predict(batch), self.probes.predict(batch)

    def settle(self, judge: Callable[[], float]) -> None:
        """Choose how much each part counts."""
        self.mixture.settle(judge)

    def arguments(self) -> Mapping[str, Any]:
        return {"gmn": self.gmn, "probes": self.probes}
