"""Logistic regression on features of the weights: the plainest detector there is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines._logistic import LogisticConfig, solve_logistic
from scalegmn.models.baselines._output_type import CLOSEST, OutputType, check_outputs, check_targets
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet, features_for
from scalegmn.nn import Standardize, load_old_names
from scalegmn.shapes import NetworkVectors


@final
class FeatureLogistic(FittedPredictor):
    """Standardized features, and a linear map to the logits of classes, fitted by scikit-learn.

    What is saved are constants and coefficients; nothing is fitted again when it is loaded.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1 for two classes in one logit, or the number of classes.
        kind: what is predicted: classes, in either of the two ways of saying them.
        config: options.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the kind is that of numbers.

    Law: that of the features.
    """

    name = "feature_logistic"
    sections = MappingProxyType({"features": FeaturesConfig, "logistic": LogisticConfig})
    renamed = MappingProxyType({"feature_set": "features"})
    coefficients: Tensor
    intercepts: Tensor
    found: Tensor
    """Which classes training networks had, 1 or 0 for each; all 0 before the fit."""

    def __init__(
        self, *, feature_set: FeatureSet, outputs: Count, kind: OutputType, config: LogisticConfig
    ) -> None:
        super().__init__()
        if not kind.is_class:
            raise ConfigurationError(
                f"logistic: predictions of kind {kind.value!r} are numbers, expected classes; use "
                "feature_boosting"
            )
        check_outputs(kind, outputs, section="logistic")
        self.feature_set, self.outputs, self.kind, self.config = feature_set, outputs, kind, config
        self.standardize = Standardize(feature_set.size)
        self.register_buffer("coefficients", torch.zeros(outputs, feature_set.size))
        self.register_buffer("intercepts", torch.zeros(outputs))
        self.register_buffer("found", torch.zeros(outputs))
        load_old_names(self)

    @classmethod
    def check(cls, context: ModelContext) -> None:
        if context.output_type is not None and not context.output_type.is_class:
            raise ConfigurationError(
                "metanetwork: feature_logistic returns classes, and the task asks for numbers; use "
                "feature_boosting"
            )
        features_for(context, reader=cls.name)

    @classmethod
    def build(cls, context: ModelContext) -> FeatureLogistic:
        cls.check(context)
        return cls(
            feature_set=features_for(context, reader=cls.name),
            outputs=context.fitted_outputs,
            kind=context.known_output_type,
            config=context.options.of(LogisticConfig),
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(FeaturesConfig).type,)

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        return self.feature_set.compute(batch)

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Find the coefficients for features and classes of N training networks.

        Args:
            features: ``(N, F)``, from :meth:`compute_features`.
            targets: ``(N,)`` or ``(N, 1)``, class indices.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that are no classes.
        """
        targets = targets.reshape(-1)
        check_targets(
            self.kind,
            features,
            targets,
            outputs=self.outputs,
            size=self.feature_set.size,
            section="logistic",
        )
        # As numbers will be seen later, in the precision of the model.
        features = features.to(self.coefficients)
        self.standardize.fit(features)
        rows = self.standardize(features).double().cpu().numpy()
        classes, coefficients, intercepts = solve_logistic(rows, targets.cpu().numpy(), config=self.config)
        if self.kind is OutputType.log_probability and len(coefficients) == 1:
            # Of two classes scikit-learn gives the second one's logit; that of the first is 0.
            coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
            intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
        places = torch.from_numpy(classes) if self.kind is OutputType.log_probability else torch.tensor([0])
        for buffer, values in (
            (self.coefficients, torch.from_numpy(coefficients)),
            (self.intercepts, torch.from_numpy(intercepts)),
            (self.found, torch.ones(len(places))),
        ):
            buffer.zero_()
            buffer[places.to(buffer.device)] = values.to(buffer)

    @torch.no_grad()
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: the features cannot read a network.
            ConfigurationError: the model was not fitted.
        """
        self._check_fitted()
        return self.predict_from(self.compute_features(batch)).to(batch.parts[0][1])

    @torch.no_grad()
    def predict_from(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        """The same from :meth:`compute_features`, in the precision of the model."""
        self._check_fitted()
        logits = self.standardize(features.to(self.coefficients)) @ self.coefficients.T + self.intercepts
        if self.kind is OutputType.log_probability:
            # Classes that no training network has are as good as impossible.
            shares = logits.masked_fill(self.found == 0, -torch.inf).softmax(dim=1)
            logits = shares.clamp_min(CLOSEST).log()
        return logits

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
            "config": self.config,
        }

    def _check_fitted(self) -> None:
        if not self.found.any():
            raise ConfigurationError("logistic: the model was not fitted; call fit with training networks")
