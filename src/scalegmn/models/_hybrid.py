"""ScaleGMN beside features that are computed once: what is learned, and what is known to matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from scalegmn.configuration import Configuration, Count, Rate, Sections, Width
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._config import ModelConfig
from scalegmn.models._metanetwork import FittedPredictor, ModelContext, Predictor
from scalegmn.models._remembered import RememberedFeatures
from scalegmn.models._scalegmn import ScaleGMN
from scalegmn.models.baselines import FeatureLogistic, LogisticConfig
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet, features_for
from scalegmn.nn import MLP, Standardize
from scalegmn.shapes import NetworkVectors

# Standardized features beyond say no more.
_LARGEST: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class HybridConfig(Configuration):
    """Options of what reads the features.

    Attributes:
        width: numbers to which the features are brought, to stand beside the embedding of the weights.
        dropout: rate on both, before they are joined.
        start: begin with logistic regression on the features, to whose log odds the rest adds, starting from
            0; with few networks, where what is learned step by step falls behind its own features.
    """

    width: Width = 32
    dropout: Rate = 0.2
    start: bool = False


@final
class Hybrid(Predictor):
    r"""The embedding of :class:`ScaleGMN` and standardized features side by side, through an MLP.

    .. math:: y = \mathrm{MLP}\big([h,\, \mathrm{MLP}(f)]\big) \;(+\, A f + a)

    of the embedding h and the features f.  The term in brackets is there with ``start``: logistic regression
    that is fitted before and stays as it is; the other one then begins at 0.

    The features of each network are computed once (:class:`~._remembered.RememberedFeatures`); no gradient
    runs through them.

    Args:
        gmn: reads the weights; returns its embedding.
        feature_set: what is computed beside.
        outputs: length of the output about a network.
        config: options.
        start: logistic regression on the same features, to whose answer the rest adds; None for no such.

    Law: what ScaleGMN and the features have in common: with ``inversion``, all symmetries that ScaleGMN has.
    """

    name = "hybrid"
    sections = MappingProxyType(
        {
            "model": ModelConfig,
            "features": FeaturesConfig,
            "hybrid": HybridConfig,
            "logistic": LogisticConfig,
        }
    )
    recomputes = True

    def __init__(
        self,
        *,
        gmn: ScaleGMN,
        feature_set: FeatureSet,
        outputs: Count,
        config: HybridConfig,
        start: FeatureLogistic | None = None,
    ) -> None:
        super().__init__()
        self.gmn, self.feature_set, self.outputs, self.config = gmn, feature_set, outputs, config
        self.remembered = RememberedFeatures(feature_set)
        self.standardize = Standardize(feature_set.size)
        self.reader = MLP(feature_set.size, config.width, style=gmn.config.style.mlp)
        self.dropout = nn.Dropout(config.dropout)
        self.head = MLP(gmn.embedding_width + config.width, outputs, style=gmn.config.style.mlp)
        self.start = start
        if start is not None:
            nn.init.zeros_(self.head.last.weight)
            nn.init.zeros_(self.head.last.bias)

    @classmethod
    def check(cls, context: ModelContext) -> None:
        features_for(context, reader=cls.name)
        if context.options.of(HybridConfig).start:
            FeatureLogistic.check(context)

    @classmethod
    def build(cls, context: ModelContext) -> Hybrid:
        spec, config = GraphSpec.from_architectures(context.architectures), context.options.of(ModelConfig)
        return cls(
            gmn=ScaleGMN(spec=spec, outputs=None, config=config),
            feature_set=features_for(context, reader=cls.name),
            outputs=context.outputs,
            config=context.options.of(HybridConfig),
            start=FeatureLogistic.build(context) if context.options.of(HybridConfig).start else None,
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (*options.of(ModelConfig).words, options.of(FeaturesConfig).type)

    @property
    def limits(self) -> GraphSpec:
        return self.gmn.spec

    @property
    def any_width(self) -> bool:
        return self.gmn.any_width and self.feature_set.any_width

    @property
    def fitted_part(self) -> FittedPredictor | None:
        return self.start

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        features = self.remembered.compute(batch)
        read = self.reader(self.standardize(features).clamp(-_LARGEST, _LARGEST))
        answer: Tensor = self.head(self.dropout(torch.cat([self.gmn.predict(batch), read], dim=1)))
        if self.start is None:
            return answer
        begun = self.start.predict_from(self.start.with_designs(batch, features)).to(answer)
        # What cannot be fitted at once, such as the class that an attacker chose, begins at 0.
        return answer + pad(begun, (0, self.outputs - begun.shape[1]))

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take the sizes of weights and of features from training networks."""
        self.gmn.fit_scale(batch)
        self.standardize.fit(self.remembered.compute(batch))

    def arguments(self) -> Mapping[str, Any]:
        return {
            "gmn": self.gmn,
            "feature_set": self.feature_set,
            "outputs": self.outputs,
            "config": self.config,
            "start": self.start,
        }
