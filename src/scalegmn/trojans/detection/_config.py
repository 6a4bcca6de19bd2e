"""What is to be detected, as configurations say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torch import Tensor

from scalegmn.configuration import Configuration, NonNegative, Sections
from scalegmn.models.baselines.features import FeaturesConfig, read_inputs
from scalegmn.networks import Architecture
from scalegmn.trojans.detection._calibration import CalibrationMethod
from scalegmn.trojans.detection._reference_inputs import check_inputs

_OPTION: Final = "detection.inputs"


@dataclass(frozen=True, kw_only=True)
class DetectionConfig(Configuration):
    """What is to be detected.

    Attributes:
        label: column that says whether a network is trojaned: true or false, or 1 and 0.
        target: column with the attacker's class.
        target_weight: how much of a second loss is added, about the attacker's class of trojaned networks; 0
            for a model that does not predict it; by default 0.2, or 0 where the population does not name it.
        calibration: how logits become probabilities when single networks are evaluated.
        inputs: file of tensors ``(n, *shape)``, inputs as the networks take them, like those that they were
            trained on; about networks that answer them unlike those of the training nothing is said.  By
            default those of ``features.images``, if all networks take them.
    """

    label: str = "trojaned"
    target: str = "target"
    target_weight: NonNegative | None = None
    calibration: CalibrationMethod = CalibrationMethod.temperature
    inputs: Path | None = None

    def check_inputs(self, architectures: Iterable[Architecture]) -> None:
        """Refuse a file of inputs that networks of these architectures do not take.

        Raises:
            CheckpointError: it cannot be read.
            ConfigurationError: it holds something else.
        """
        if self.inputs is not None:
            check_inputs(read_inputs(self.inputs, origin=_OPTION), architectures, origin=_OPTION)

    def reference_inputs(self, options: Sections) -> tuple[Tensor, ...]:
        """Tensors ``(n, *shape)``, float64; none where nobody gave any.

        Args:
            options: of all that take part in the training.

        Raises:
            CheckpointError, ConfigurationError: they cannot be read.
        """
        if self.inputs is not None:
            return read_inputs(self.inputs, origin=_OPTION)
        images = options.completed({"features": FeaturesConfig}).of(FeaturesConfig).images
        return () if images is None else read_inputs(images, origin="features.images")
