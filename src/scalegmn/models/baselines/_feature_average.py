"""The mean of boosted trees and logistic regression on the same features."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines._feature_boosting import BoostingConfig, FeatureBoosting
from scalegmn.models.baselines._feature_logistic import FeatureLogistic
from scalegmn.models.baselines._logistic import LogisticConfig
from scalegmn.models.baselines._output_type import OutputType
from scalegmn.models.baselines._trees import BoostedTrees
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet, features_for
from scalegmn.shapes import NetworkVectors


@final
class FeatureAverage(FittedPredictor):
    r"""Boosted trees and logistic regression, fitted to the same features, as one model.

    .. math:: y = (y_\text{boosting} + y_\text{logistic}) / 2

    of the log odds of two classes.  Of several classes it is the mean of logarithms of probabilities, with a
    constant added so that probabilities sum to 1: the product of experts.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1 for two classes in one logit, or the number of classes.
        kind: what is predicted: classes, in either of the two ways of saying them.
        boosting: options of the trees.
        logistic: options of the logistic regression.
        seed: of the random numbers of the trees.
        trees: those of a saved model; none before the fit.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the kind is that of numbers.

    Law: that of the features.

    Source: Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", 2002.
    """

    name = "feature_average"
    sections = MappingProxyType(
        {"features": FeaturesConfig, "boosting": BoostingConfig, "logistic": LogisticConfig}
    )
    renamed = MappingProxyType({"feature_set": "features"})

    def __init__(
        self,
        *,
        feature_set: FeatureSet,
        outputs: Count,
        kind: OutputType,
        boosting: BoostingConfig,
        logistic: LogisticConfig,
        seed: int = 0,
        trees: BoostedTrees | None = None,
    ) -> None:
        super().__init__()
        self.feature_set, self.outputs, self.kind = feature_set, outputs, kind
        self.logistic = FeatureLogistic(feature_set=feature_set, outputs=outputs, kind=kind, config=logistic)
        self.boosting = FeatureBoosting(
            feature_set=feature_set, outputs=outputs, kind=kind, config=boosting, seed=seed, trees=trees
        )

    @classmethod
    def check(cls, context: ModelContext) -> None:
        if context.output_type is not None and not context.output_type.is_class:
            raise ConfigurationError(
                f"metanetwork: {cls.name} returns classes, and the task asks for numbers; use "
                "feature_boosting"
            )
        features_for(context, reader=cls.name)

    @classmethod
    def build(cls, context: ModelContext) -> FeatureAverage:
        cls.check(context)
        return cls(
            feature_set=features_for(context, reader=cls.name),
            outputs=context.fitted_outputs,
            kind=context.known_output_type,
            boosting=context.options.of(BoostingConfig),
            logistic=context.options.of(LogisticConfig),
            seed=context.seed,
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(FeaturesConfig).type,)

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return self.feature_set.compute(batch)

    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Fit both to the features and classes of N training networks.

        Args:
            features: ``(N, F)``, from :meth:`compute_features`.
            targets: ``(N,)`` or ``(N, 1)``, class indices.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that are no classes.
        """
        self.logistic.fit(features, targets)
        self.boosting.fit(features, targets)

    @torch.no_grad()
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: the features cannot read a network.
            ConfigurationError: the model was not fitted.
        """
        features = self.compute_features(batch)
        trees, linear = self.boosting.predict_from(features), self.logistic.predict_from(features)
        mean = (trees + linear.double().cpu()) / 2
        if self.kind is OutputType.log_probability:
            mean = mean.log_softmax(dim=1)
        return mean.to(batch.parts[0][1])

    @property
    def any_width(self) -> bool:
        return self.feature_set.any_width

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Nothing: :meth:`fit` takes the sizes of features from all training networks."""

    def arguments(self) -> Mapping[str, Any]:
        return {
            "feature_set": self.feature_set,
            "outputs": self.outputs,
            "kind": self.kind,
            "boosting": self.boosting.config,
            "logistic": self.logistic.config,
            "seed": self.boosting.seed,
            "trees": self.boosting.trees,
        }
