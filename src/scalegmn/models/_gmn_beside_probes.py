"""What models have in common that read weights by ScaleGMN and ask the networks by probes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import MappingProxyType

from scalegmn.configuration import Sections
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._config import ModelConfig
from scalegmn.models._metanetwork import ModelContext, Predictor
from scalegmn.models._scalegmn import ScaleGMN
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.networks import Architecture


class ScaleGMNBesideProbes(Predictor, ABC):
    """A :class:`ScaleGMN` and :class:`Probes`; what becomes of their answers is up to the model.

    Args:
        gmn: reads the weights.
        probes: asks the networks.

    Law: that of ScaleGMN, because symmetries do not change what a network outputs for probes.
    """

    sections = MappingProxyType({"model": ModelConfig, "probes": ProbesConfig})
    recomputes = True

    def __init__(self, *, gmn: ScaleGMN, probes: Probes) -> None:
        super().__init__()
        self.gmn, self.probes = gmn, probes

    @classmethod
    @abstractmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: ModelConfig, probes: ProbesConfig
    ) -> ScaleGMNBesideProbes:
        """A new model that reads networks of these architectures.

        Raises:
            ConfigurationError: the networks cannot be shown the same inputs.
        """

    @classmethod
    def build(cls, context: ModelContext) -> ScaleGMNBesideProbes:
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

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take the sizes of weights and of outputs for probes from training networks."""
        self.gmn.fit_scale(batch)
        self.probes.fit_scale(batch)
