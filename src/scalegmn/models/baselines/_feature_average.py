"""The mean of boosted trees and logistic regression on the same features."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count
from scalegmn.models import ModelContext
from scalegmn.models.baselines._feature_boosting import BoostingConfig, FeatureBoosting
from scalegmn.models.baselines._feature_logistic import FeatureLogistic
from scalegmn.models.baselines._feature_predictor import FeaturePredictor
from scalegmn.models.baselines._logistic import LogisticConfig
from scalegmn.models.baselines._output_type import OutputType
from scalegmn.models.baselines._trees import BoostedTrees
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet


@final
class FeatureAverage(FeaturePredictor):
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
        designs: of networks that features are compared with; see :class:`FeaturePredictor`.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the kind is that of numbers.

    Law: that of the features.

    Source: Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", 2002.
    """

    name = "feature_average"
    section = "average"
    classes_only = True
    sections = MappingProxyType(
        {"features": FeaturesConfig, "boosting": BoostingConfig, "logistic": LogisticConfig}
    )

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
        designs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(feature_set=feature_set, outputs=outputs, kind=kind, designs=designs)
        # Both parts compare features for themselves.
        self.relative = None
        self.logistic = FeatureLogistic(
            feature_set=feature_set, outputs=outputs, kind=kind, designs=designs, config=logistic
        )
        self.boosting = FeatureBoosting(
            feature_set=feature_set,
            outputs=outputs,
            kind=kind,
            designs=designs,
            config=boosting,
            seed=seed,
            trees=trees,
        )

    @classmethod
    def build(cls, context: ModelContext) -> FeatureAverage:
        cls.check(context)
        return cls(
            **cls.for_context(context),
            boosting=context.options.of(BoostingConfig),
            logistic=context.options.of(LogisticConfig),
            seed=context.seed,
        )

    def fit_rows(self, rows: Float[Tensor, "N R"], targets: Tensor) -> None:
        """Fit both."""
        self.logistic.fit(rows, targets)
        self.boosting.fit(rows, targets)

    def predict_rows(self, rows: Float[Tensor, "B R"]) -> Float[Tensor, "B K"]:
        """Predictions from rows of features, in float64."""
        trees, linear = self.boosting.predict_from(rows), self.logistic.predict_from(rows)
        mean = (trees + linear.double().cpu()) / 2
        return mean.log_softmax(dim=1) if self.kind is OutputType.log_probability else mean

    def check_fitted(self) -> None:
        self.logistic.check_fitted()
        self.boosting.check_fitted()

    def arguments(self) -> Mapping[str, Any]:
        return {
            **super().arguments(),
            "boosting": self.boosting.config,
            "logistic": self.logistic.config,
            "seed": self.boosting.seed,
            "trees": self.boosting.trees,
        }
