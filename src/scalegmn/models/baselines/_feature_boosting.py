"""Boosted trees on features of the weights: a baseline that is not trained by gradients.

Papers: Unterthiner et al., "Predicting Neural Network Accuracy from Weights", 2020, for trees on statistics
of weights; Ke et al., "LightGBM", NeurIPS 2017, for trees on binned features, as scikit-learn has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Configuration, Count, Limits, Natural, NonNegative, Positive
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelContext
from scalegmn.models.baselines._feature_predictor import FeaturePredictor
from scalegmn.models.baselines._output_type import CLOSEST, OutputType
from scalegmn.models.baselines._trees import BoostedTrees
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet


@dataclass(frozen=True, kw_only=True)
class BoostingConfig(Configuration):
    """Options of the boosted trees.

    Attributes:
        iterations: trees (of classes: trees for each class).
        learning_rate: fraction of every tree in the sum.
        leaves: most leaves of a tree.
        networks_in_leaf: fewest training networks in a leaf.
        l2: penalty on the values of leaves.
        features_per_split: fraction of the features, drawn anew, that every split may choose from.
    """

    iterations: Count = 300
    learning_rate: Positive = 0.05
    leaves: Annotated[int, Limits(low=2)] = 31
    networks_in_leaf: Count = 20
    l2: NonNegative = 0.0
    features_per_split: Annotated[float, Limits(above=0, high=1)] = 0.5


@final
class FeatureBoosting(FeaturePredictor):
    """Histogram gradient boosting (scikit-learn) on features of weights.

    It has no weights and is not trained by gradients: :meth:`fit` grows trees from the features and the
    targets of the training networks.  The trees are saved, as tensors
    (:class:`~scalegmn.models.baselines._trees.BoostedTrees`), so a loaded model answers the same to the last
    bit whatever scikit-learn there is, or none.  Models of before saved the features and the targets; they
    grow their trees when they are first asked, from random numbers of `seed`, and another version of
    scikit-learn may grow others.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1, or the number of classes.
        kind: what is predicted.
        seed: of the random numbers.
        config: options.
        networks: training networks that a saved model of before holds.
        trees: those of a saved model; none before the fit.
        designs: of networks that features are compared with; see :class:`FeaturePredictor`.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the trees do not fit the features.

    Law: that of the features.
    """

    # Of models of before.  Both float32, whatever they were, so that these grow the same trees.
    features: Tensor
    targets: Tensor
    name = "feature_boosting"
    section = "boosting"
    sections = MappingProxyType({"features": FeaturesConfig, "boosting": BoostingConfig})

    def __init__(
        self,
        *,
        feature_set: FeatureSet,
        outputs: Count,
        kind: OutputType,
        config: BoostingConfig,
        seed: int = 0,
        networks: Natural = 0,
        trees: BoostedTrees | None = None,
        designs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(feature_set=feature_set, outputs=outputs, kind=kind, designs=designs)
        self.config, self.seed = config, seed
        size = self.num_features
        self.trees = BoostedTrees(features=size, outputs=outputs) if trees is None else trees
        if (self.trees.features, self.trees.outputs) != (size, outputs):
            raise ConfigurationError(
                f"boosting: trees read {self.trees.features} features for {self.trees.outputs} outputs, "
                f"expected {size} for {outputs}; save the model again"
            )
        self.register_buffer("features", torch.zeros(networks, feature_set.size))
        self.register_buffer("targets", torch.zeros(networks))
        self.register_load_state_dict_pre_hook(_without_trees)

    @classmethod
    def build(cls, context: ModelContext) -> FeatureBoosting:
        return cls(**cls.for_context(context), config=context.options.of(BoostingConfig), seed=context.seed)

    def predict_rows(self, rows: Float[Tensor, "B R"]) -> Float[Tensor, "B K"]:
        """Predictions from rows of features, in float64; NaN where features are not finite."""
        sums = self.trees(rows.float())
        match self.kind:
            case OutputType.log_probability:
                return sums.softmax(dim=1).clamp_min(CLOSEST).log()
            case OutputType.logit:
                return torch.logit(sums, eps=CLOSEST)
            case _:
                return sums

    def arguments(self) -> Mapping[str, Any]:
        return {
            **super().arguments(),
            "config": self.config,
            "seed": self.seed,
            "networks": len(self.targets),
            "trees": self.trees,
        }

    def check_fitted(self) -> None:
        """Raise a ConfigurationError where there are no trees; a model of before grows them first."""
        if len(self.targets):
            self.fit_rows(self.features, self.targets)
        if not len(self.trees.roots):
            raise ConfigurationError("boosting: the model was not fitted; call fit with training networks")

    def fit_rows(self, rows: Float[Tensor, "N R"], targets: Tensor) -> None:
        """Take trees for features and targets, and forget these."""
        try:
            from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        except ImportError as error:
            raise ConfigurationError(
                "boosting: boosted trees need scikit-learn, which is not installed; install "
                "scalegmn[populations]"
            ) from error
        trees = HistGradientBoostingClassifier() if self.kind.is_class else HistGradientBoostingRegressor()
        trees.set_params(
            max_iter=self.config.iterations,
            learning_rate=self.config.learning_rate,
            max_leaf_nodes=self.config.leaves,
            min_samples_leaf=self.config.networks_in_leaf,
            l2_regularization=self.config.l2,
            max_features=self.config.features_per_split,
            early_stopping=False,
            # scikit-learn takes 32 bits.
            random_state=self.seed % 2**32,
        )
        values = targets.float().cpu().numpy()
        trees.fit(rows.float().cpu().numpy(), values.astype(np.int64) if self.kind.is_class else values)
        several = self.kind is OutputType.log_probability
        self.trees = BoostedTrees.from_scikit_learn(
            trees,
            features=self.num_features,
            outputs=self.outputs,
            classes=trees.classes_.tolist() if several else (),
        )
        self.features, self.targets = self.features[:0], self.targets[:0]


def _without_trees(module: FeatureBoosting, state_dict: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Weights of before, which hold features and targets, have no trees."""
    if f"{prefix}trees.nodes" not in state_dict and f"{prefix}targets" in state_dict:
        empty = BoostedTrees(features=module.trees.features, outputs=module.trees.outputs)
        state_dict.update({f"{prefix}trees.{name}": value for name, value in empty.state_dict().items()})
