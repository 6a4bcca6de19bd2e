"""Logistic regression on features of the weights: the plainest detector there is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelContext
from scalegmn.models.baselines._feature_predictor import FeaturePredictor
from scalegmn.models.baselines._logistic import LogisticConfig, solve_logistic
from scalegmn.models.baselines._output_type import CLOSEST, OutputType
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet
from scalegmn.nn import Standardize, load_old_names


@final
class FeatureLogistic(FeaturePredictor):
    """Standardized features, and a linear map to the logits of classes, fitted by scikit-learn.

    What is saved are constants and coefficients; nothing is fitted again when it is loaded.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1 for two classes in one logit, or the number of classes.
        kind: what is predicted: classes, in either of the two ways of saying them.
        config: options.
        designs: of networks that features are compared with; see :class:`FeaturePredictor`.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the kind is that of numbers.

    Law: that of the features.
    """

    name = "feature_logistic"
    section = "logistic"
    classes_only = True
    sections = MappingProxyType({"features": FeaturesConfig, "logistic": LogisticConfig})
    coefficients: Tensor
    intercepts: Tensor
    found: Tensor
    """Which classes training networks had, 1 or 0 for each; all 0 before the fit."""

    def __init__(
        self,
        *,
        feature_set: FeatureSet,
        outputs: Count,
        kind: OutputType,
        config: LogisticConfig,
        designs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(feature_set=feature_set, outputs=outputs, kind=kind, designs=designs)
        self.config = config
        self.standardize = Standardize(self.num_features)
        self.register_buffer("coefficients", torch.zeros(outputs, self.num_features))
        self.register_buffer("intercepts", torch.zeros(outputs))
        self.register_buffer("found", torch.zeros(outputs))
        load_old_names(self)

    @classmethod
    def build(cls, context: ModelContext) -> FeatureLogistic:
        cls.check(context)
        return cls(**cls.for_context(context), config=context.options.of(LogisticConfig))

    @torch.no_grad()
    def fit_rows(self, rows: Float[Tensor, "N R"], targets: Tensor) -> None:
        """Find the coefficients for features and classes."""
        # As numbers will be seen later, in the precision of the model.
        rows = rows.to(self.coefficients)
        self.standardize.fit(rows)
        numbers = self.standardize(rows).double().cpu().numpy()
        classes, coefficients, intercepts = solve_logistic(numbers, targets.cpu().numpy(), config=self.config)
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

    def predict_rows(self, rows: Float[Tensor, "B R"]) -> Float[Tensor, "B K"]:
        """Predictions from rows of features, in the precision of the model."""
        logits = self.standardize(rows.to(self.coefficients)) @ self.coefficients.T + self.intercepts
        if self.kind is OutputType.log_probability:
            # Classes that no training network has are as good as impossible.
            shares = logits.masked_fill(self.found == 0, -torch.inf).softmax(dim=1)
            logits = shares.clamp_min(CLOSEST).log()
        return logits

    def arguments(self) -> Mapping[str, Any]:
        return {**super().arguments(), "config": self.config}

    def check_fitted(self) -> None:
        if not self.found.any():
            raise ConfigurationError("logistic: the model was not fitted; call fit with training networks")
