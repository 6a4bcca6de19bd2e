"""What models that are fitted at once predict, and how their predictions say it."""

from __future__ import annotations

from enum import Enum
from typing import Final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError

CLOSEST: Final = 1e-7
"""Predictions this close to 0 or 1 have no finite logit or logarithm that float32 brings back."""


class OutputType(Enum):
    """What is predicted, and how the prediction says it, so that it compares with that of other models.

    ``value``: a number, as it is.  ``logit``: a number between 0 and 1, as its logit, for tasks that put a
    sigmoid behind the prediction.  ``log_odds``: one of two classes, 0 and 1, as the logit of the probability
    of 1.  ``log_probability``: a class, as the logarithms of the probabilities of all classes.
    """

    value = "value"
    logit = "logit"
    log_odds = "log_odds"
    log_probability = "log_probability"

    @property
    def is_class(self) -> bool:
        """Whether targets are class indices."""
        return self in (OutputType.log_odds, OutputType.log_probability)


def check_outputs(kind: OutputType, outputs: int, *, section: str) -> None:
    """Raise a ConfigurationError where predictions of this kind do not have such a length."""
    several = kind is OutputType.log_probability
    if (outputs < 2) if several else (outputs != 1):
        expected = "at least 2, one for each class" if several else "1"
        raise ConfigurationError(
            f"{section}: {outputs} outputs for predictions of kind {kind.value!r}, expected {expected}"
        )


def check_targets(
    kind: OutputType, features: Tensor, targets: Tensor, *, outputs: int, size: int, section: str
) -> None:
    """Refuse what nothing can be fitted to.

    Args:
        kind: of the predictions.
        features: ``(N, F)``.
        targets: ``(N,)``.
        outputs: length of an output.
        size: F, as it should be.
        section: of the configuration, for messages.

    Raises:
        ConfigurationError: numbers that are not finite, or targets that the kind of prediction cannot have.
    """
    expected = (len(targets), size)
    if tuple(features.shape) != expected or not len(targets):
        raise ConfigurationError(
            f"{section}: features of shape {tuple(features.shape)} for {len(targets)} targets, expected "
            f"{expected} and at least one; take them from the method read"
        )
    for name, values in (("features", features), ("targets", targets.double())):
        wrong = int((~torch.isfinite(values)).sum())
        if wrong:
            raise ConfigurationError(
                f"{section}: {wrong} {name} are NaN or infinite; leave out networks that diverged"
            )
    low, high = float(targets.min()), float(targets.max())
    if kind is OutputType.logit and not 0 <= low <= high <= 1:
        raise ConfigurationError(
            f"{section}: targets between {low} and {high} have no logit, expected them in [0, 1]"
        )
    if kind.is_class:
        classes = 2 if kind is OutputType.log_odds else outputs
        whole = bool((targets == targets.round()).all())
        if not whole or not 0 <= low < high < classes:
            raise ConfigurationError(
                f"{section}: targets between {low} and {high}, expected numbers of two or more of the "
                f"{classes} classes"
            )
