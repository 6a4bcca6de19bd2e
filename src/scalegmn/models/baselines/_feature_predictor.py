"""What models that are fitted to features of networks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Count, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines._output_type import OutputType, check_outputs, check_targets
from scalegmn.models.baselines._relative_features import RelativeFeatures
from scalegmn.models.baselines.features import FeaturesConfig, FeatureSet, features_for
from scalegmn.shapes import NetworkVectors


class FeaturePredictor(FittedPredictor, ABC):
    """A model that is fitted to features of networks, and predicts from features alone.

    Args:
        feature_set: what is read of networks.
        outputs: length of the output: 1, or the number of classes.
        kind: what is predicted.
        designs: of the networks of the training (``Architecture.design``), where features are also compared
            with those of networks built alike
            (:class:`~scalegmn.models.baselines._relative_features.RelativeFeatures`); none otherwise.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`, or the model does not predict what is asked.

    Law: that of the features; for networks built alike, whatever the width of their hidden layers.
    """

    section: ClassVar[str]
    """The section of its options in configurations, for messages."""
    classes_only: ClassVar[bool] = False
    """Whether it predicts classes and no numbers."""
    renamed = MappingProxyType({"feature_set": "features"})

    def __init__(
        self, *, feature_set: FeatureSet, outputs: Count, kind: OutputType, designs: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        if self.classes_only and not kind.is_class:
            raise ConfigurationError(
                f"{self.section}: predictions of kind {kind.value!r} are numbers, expected classes; use "
                "feature_boosting"
            )
        check_outputs(kind, outputs, section=self.section)
        self.feature_set, self.outputs, self.kind, self.designs = feature_set, outputs, kind, designs
        self.relative: RelativeFeatures | None = None
        if designs:
            self.relative = RelativeFeatures(designs=len(designs), width=feature_set.size)

    @classmethod
    def check(cls, context: ModelContext) -> None:
        if cls.classes_only and context.output_type is not None and not context.output_type.is_class:
            raise ConfigurationError(
                f"metanetwork: {cls.name} returns classes, and the task asks for numbers; use "
                "feature_boosting"
            )
        features_for(context, reader=cls.name)

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(FeaturesConfig).type,)

    @classmethod
    def for_context(cls, context: ModelContext) -> dict[str, Any]:
        """Arguments that all these models have, from what a training knows."""
        designs = dict.fromkeys(one.design for one in context.architectures)
        return {
            "feature_set": features_for(context, reader=cls.name),
            "outputs": context.fitted_outputs,
            "kind": context.known_output_type,
            "designs": tuple(designs) if context.options.of(FeaturesConfig).by_design else (),
        }

    @property
    def num_features(self) -> int:
        """Numbers about a network that :meth:`predict_rows` reads."""
        return self.feature_set.size if self.relative is None else self.relative.size

    @property
    def any_width(self) -> bool:
        return self.feature_set.any_width

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """The features; with `designs`, behind the number of each network's design, -1 for others."""
        return self.with_designs(batch, self.feature_set.compute(batch))

    def with_designs(self, batch: NetworkBatch, found: Float[Tensor, "B f"]) -> Float[Tensor, "B F"]:
        """What :meth:`compute_features` returns, from the numbers of the feature set."""
        if not self.designs:
            return found
        known = {design: number for number, design in enumerate(self.designs)}
        numbers = [
            theta.new_full((len(theta), 1), known.get(architecture.design, -1))
            for architecture, theta in batch.parts
        ]
        return torch.cat([torch.cat(numbers), found], dim=1)

    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Fit the model to the features and targets of N training networks.

        Args:
            features: ``(N, F)``, from :meth:`compute_features`.
            targets: ``(N,)`` or ``(N, 1)``: the numbers to predict, between 0 and 1 for logits, or the
                class indices.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that the kind of prediction cannot
                have.
        """
        targets, features = targets.reshape(-1), features.detach()
        size = self.feature_set.size + bool(self.designs)
        check_targets(self.kind, features, targets, outputs=self.outputs, size=size, section=self.section)
        if self.relative is not None:
            self.relative.fit(features, counted=self._compared(targets))
        self.fit_rows(self._rows(features), targets.detach())

    @torch.no_grad()
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: the features cannot read a network.
            ConfigurationError: the model was not fitted.
        """
        self.check_fitted()
        return self.predict_from(self.compute_features(batch)).to(batch.parts[0][1])

    @torch.no_grad()
    def predict_from(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        """The same from :meth:`compute_features`."""
        self.check_fitted()
        return self.predict_rows(self._rows(features))

    @abstractmethod
    def fit_rows(self, rows: Float[Tensor, "N R"], targets: Tensor) -> None:
        """Fit the model to R numbers about each of N networks; they and the targets ``(N,)`` are in order."""

    @abstractmethod
    def predict_rows(self, rows: Float[Tensor, "B R"]) -> Float[Tensor, "B K"]:
        """Predictions from R numbers about each network."""

    @abstractmethod
    def check_fitted(self) -> None:
        """Raise a ConfigurationError where the model was not fitted."""

    def arguments(self) -> Mapping[str, Any]:
        return {
            "feature_set": self.feature_set,
            "outputs": self.outputs,
            "kind": self.kind,
            "designs": self.designs,
        }

    def _rows(self, features: Tensor) -> Tensor:
        return features if self.relative is None else self.relative(features)

    def _compared(self, targets: Tensor) -> Tensor:
        """Which training networks the features of others are compared with: those of the first class."""
        return targets == targets.min() if self.kind.is_class else torch.ones_like(targets, dtype=torch.bool)
