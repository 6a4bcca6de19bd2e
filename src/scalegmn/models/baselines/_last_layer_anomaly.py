"""A detector of trojans that learns nothing: the class that is most unlike the others in the last layer.

Paper: Yu et al., "Lightweight and Fast Backdoor Model Detection" (DFBScanner), arXiv 2605.18907, 2026, as its
abstract describes it: anomaly indicators of the parameters of the last layer are combined, and the largest
anomaly decides.  Which indicators there are, and how they are combined, is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scalegmn.configuration import Configuration, Count, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines._output_type import OutputType, check_targets
from scalegmn.models.baselines.features import INDICATORS, FeaturesConfig, LastLayerAnomalies
from scalegmn.nn import Standardize
from scalegmn.shapes import NetworkVectors


@dataclass(frozen=True, kw_only=True)
class AnomalyConfig(Configuration):
    """Options of the largest anomaly.

    Attributes:
        indicators: which ones are combined.  ``all`` needs no training networks.  ``selected``: one after
            another the indicator and the direction, high or low, with which the largest anomaly best tells
            training networks apart (AUROC), as long as it grows.
    """

    indicators: Literal["all", "selected"] = "all"


@final
class LastLayerAnomaly(FittedPredictor):
    r"""The largest anomaly of a class in the last layer.

    .. math:: s = \max_c \frac{1}{|I|} \sum_{i \in I} |z_{ic}|

    with the robust z-scores over classes of all indicators I
    (:data:`~scalegmn.models.baselines.features.INDICATORS`).  Where indicators are selected, each has a
    direction :math:`d_i` of 1 or -1, and :math:`d_i z_{ic}` takes the place of :math:`|z_{ic}|`.  Training
    networks set the unit and nothing else: a prediction is ``asinh(s)``, shifted and scaled to mean 0 and
    deviation 1 on them, so the order of networks, and with it the AUROC, is that of `s`.  Before the fit it
    is ``asinh(s)`` of all indicators.

    Args:
        classes: outputs of every network, at least 3.
        config: options.

    Raises:
        ConfigurationError: there are fewer classes.

    Law: invariant under permutations of hidden neurons, and when all neurons of the last hidden layer are
    multiplied by one positive number; not under a scale or a sign for each of them.

    Source: arXiv 2605.18907, as its abstract describes it.
    """

    name = "last_layer_anomaly"
    sections = MappingProxyType({"anomaly": AnomalyConfig})
    directions: Tensor
    """1 or -1 for each selected indicator, and 0 for the others; all 0 where sizes of all are combined."""

    def __init__(self, *, classes: Count, config: AnomalyConfig) -> None:
        super().__init__()
        if classes < 3:
            raise ConfigurationError(
                f"anomaly: networks have {classes} outputs, expected at least 3 classes, of which one can be "
                "unlike the others; choose another metanetwork"
            )
        self.feature_set, self.config, self.outputs = LastLayerAnomalies(classes=classes), config, 1
        self.standardize = Standardize(1)
        self.register_buffer("directions", torch.zeros(len(INDICATORS)))

    @classmethod
    def build(cls, context: ModelContext) -> LastLayerAnomaly:
        if context.output_type not in (None, OutputType.log_odds):
            raise ConfigurationError(
                f"metanetwork: {cls.name} says how unlike the others a class is, and the task asks for "
                "something else than one of two classes; use feature_logistic or feature_boosting with the "
                "features last_layer_anomalies"
            )
        feature_set = LastLayerAnomalies.from_architectures(context.architectures, config=FeaturesConfig())
        return cls(classes=feature_set.classes, config=context.options.of(AnomalyConfig))

    @classmethod
    def check(cls, context: ModelContext) -> None:
        cls.build(context)

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(AnomalyConfig).indicators,)

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """All z-scores, indicator by indicator."""
        return self.feature_set.z_scores(batch).flatten(1)

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Take the unit of scores from N training networks, and the indicators where they are selected.

        Args:
            features: ``(N, F)``, from :meth:`compute_features`.
            targets: ``(N,)`` or ``(N, 1)``, 1 for trojaned networks and 0 for clean ones.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that are no classes.
        """
        targets = targets.reshape(-1)
        check_targets(
            OutputType.log_odds,
            features,
            targets,
            outputs=1,
            size=len(INDICATORS) * self.feature_set.classes,
            section="anomaly",
        )
        features = features.to(self.directions)
        if self.config.indicators == "selected":
            self.directions.copy_(self._selected(features, targets.to(features.device) > 0))
        self.standardize.fit(self._scores(features, self.directions).asinh().unsqueeze(1))

    @torch.no_grad()
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, 1)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: a network has other outputs, or no last layer.
        """
        scores = self._scores(self.compute_features(batch).to(self.directions), self.directions)
        return self.standardize(scores.asinh().unsqueeze(1)).to(batch.parts[0][1])

    def arguments(self) -> Mapping[str, Any]:
        return {"classes": self.feature_set.classes, "config": self.config}

    def _scores(self, features: Float[Tensor, "N F"], directions: Tensor) -> Float[Tensor, "N"]:
        """The largest anomaly of any class."""
        scores = features.unflatten(1, (len(INDICATORS), self.feature_set.classes))
        count = int(directions.abs().sum())
        if not count:
            return scores.abs().mean(dim=1).amax(dim=1)
        return torch.einsum("i,nic->nc", directions, scores).amax(dim=1) / count

    def _selected(self, features: Tensor, trojaned: Bool[Tensor, "N"]) -> Tensor:
        """Directions of indicators, added one after another; of equal ones the first."""
        found, area = torch.zeros_like(self.directions), 0.0
        while True:
            candidates = [found + step for step in self._steps(found)]
            areas = [float(_auroc(self._scores(features, one), trojaned)) for one in candidates]
            if max(areas, default=0.0) <= area:
                return found
            area = max(areas)
            found = candidates[areas.index(area)]

    def _steps(self, found: Tensor) -> Tensor:
        """One more indicator, in each direction."""
        free = torch.eye(len(INDICATORS)).to(found)[found == 0]
        return torch.cat([free, -free])


def _auroc(scores: Float[Tensor, "N"], trojaned: Bool[Tensor, "N"]) -> Float[Tensor, ""]:
    """How often a trojaned network scores higher than a clean one; ties count half."""
    clean, others = scores[~trojaned].sort().values, scores[trojaned].contiguous()
    below = torch.searchsorted(clean, others)
    upto = torch.searchsorted(clean, others, right=True)
    return (below + upto).double().mean() / (2 * len(clean))
