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

from scalegmn.configuration import Configuration, Count, Limits, Natural, NonNegative, Positive, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines._output_type import CLOSEST, OutputType, check_outputs, check_targets
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet, features_for
from scalegmn.shapes import NetworkVectors


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
class FeatureBoosting(FittedPredictor):
    """Histogram gradient boosting (scikit-learn) on features of weights.

    It has no weights and is not trained by gradients: :meth:`fit` keeps the features and the targets of
    the training networks, and grows trees from them.  These, not the trees, are what is saved, because trees
    could only be saved as a pickle, which can run code.  A loaded model grows its trees again when it is
    first asked.  The random numbers come from `seed`, so they are the same trees; another version of
    scikit-learn may grow others.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1, or the number of classes.
        kind: what is predicted.
        seed: of the random numbers.
        config: options.
        networks: training networks that a saved model holds.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`.

    Law: that of the features.
    """

    # Both float32, whatever they were, so that a loaded model grows the same trees.
    features: Tensor
    targets: Tensor
    name = "feature_boosting"
    sections = MappingProxyType({"features": FeaturesConfig, "boosting": BoostingConfig})
    renamed = MappingProxyType({"feature_set": "features"})

    def __init__(
        self,
        *,
        feature_set: FeatureSet,
        outputs: Count,
        kind: OutputType,
        config: BoostingConfig,
        seed: int = 0,
        networks: Natural = 0,
    ) -> None:
        super().__init__()
        check_outputs(kind, outputs, section="boosting")
        self.feature_set, self.outputs, self.kind, self.config, self.seed = (
            feature_set,
            outputs,
            kind,
            config,
            seed,
        )
        self.register_buffer("features", torch.zeros(networks, feature_set.size))
        self.register_buffer("targets", torch.zeros(networks))
        self._trees: Any = None

    @classmethod
    def check(cls, context: ModelContext) -> None:
        features_for(context, reader=cls.name)

    @classmethod
    def build(cls, context: ModelContext) -> FeatureBoosting:
        return cls(
            feature_set=features_for(context, reader=cls.name),
            outputs=context.fitted_outputs,
            kind=context.known_output_type,
            config=context.options.of(BoostingConfig),
            seed=context.seed,
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(FeaturesConfig).type,)

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return self.feature_set.compute(batch)

    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Grow trees for the features and targets of N training networks.

        Args:
            features: ``(N, F)``, from :meth:`compute_features`.
            targets: ``(N,)`` or ``(N, 1)``: the numbers to predict, between 0 and 1 for logits, or the
                class indices.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that the kind of prediction cannot
                have.
        """
        targets = targets.reshape(-1)
        check_targets(
            self.kind,
            features,
            targets,
            outputs=self.outputs,
            size=self.feature_set.size,
            section="boosting",
        )
        self.features, self.targets = features.detach().float().cpu(), targets.detach().float().cpu()
        self._trees = self._grown()

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: the features cannot read a network.
            ConfigurationError: the model was not fitted.
        """
        if not len(self.targets):
            raise ConfigurationError("boosting: the model was not fitted; call fit with training networks")
        if self._trees is None:
            self._trees = self._grown()
        features = self.compute_features(batch).float().cpu().numpy()
        match self.kind:
            case OutputType.log_probability:
                answer = self._log_probabilities(features)
            case OutputType.log_odds:
                answer = torch.from_numpy(self._trees.decision_function(features)).unsqueeze(1)
            case _:
                answer = torch.from_numpy(self._trees.predict(features)).unsqueeze(1)
        if self.kind is OutputType.logit:
            answer = torch.logit(answer, eps=CLOSEST)
        # Trees take NaN for a value like others; what has no features has no answer.
        answer[torch.from_numpy(~np.isfinite(features).all(axis=1))] = torch.nan
        return answer.to(batch.parts[0][1])

    @property
    def any_width(self) -> bool:
        return self.feature_set.any_width

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Nothing: trees only ask which of two numbers is larger."""

    def arguments(self) -> Mapping[str, Any]:
        return {
            "feature_set": self.feature_set,
            "outputs": self.outputs,
            "kind": self.kind,
            "config": self.config,
            "seed": self.seed,
            "networks": len(self.targets),
        }

    def _grown(self) -> Any:
        """Trees for the kept features and targets."""
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
        features, targets = self.features.float().cpu().numpy(), self.targets.float().cpu().numpy()
        return trees.fit(features, targets.astype(np.int64) if self.kind.is_class else targets)

    def _log_probabilities(self, features: np.ndarray) -> Tensor:
        """``(B, outputs)``; classes that no training network has are as good as impossible."""
        found = np.zeros((len(features), self.outputs))
        found[:, self._trees.classes_] = self._trees.predict_proba(features)
        return torch.from_numpy(found).clamp_min(CLOSEST).log()
