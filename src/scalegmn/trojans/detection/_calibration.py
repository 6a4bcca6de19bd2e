"""From the logits of a detector to probabilities, by what it said about networks it was not trained on.

Papers: Platt, "Probabilistic Outputs for Support Vector Machines", 1999, for slope, intercept and softened
targets; Guo et al., "On Calibration of Modern Neural Networks", 2017, for the temperature; Zadrozny and
Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", 2002, for isotonic
steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final

import numpy as np
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.nn import within_reach

FOLDS: Final = 5
# Logits divided by less could leave the range of numbers.
_LEAST_TEMPERATURE: Final = 1e-100
# Of the logarithm of the temperature in deviations of the logits; validation networks say nothing beyond.
_LOG_TEMPERATURES: Final = (-5.0, 5.0)
_INTERCEPTS: Final = (-20.0, 20.0)


class CalibrationMethod(Enum):
    """How logits become probabilities.

    ``temperature``: a temperature and an intercept, two numbers.  ``isotonic``: any rising curve; it needs
    hundreds of networks, and is overconfident with fewer.  ``best``: the one with the smaller cross-validated
    log loss.
    """

    temperature = "temperature"
    isotonic = "isotonic"
    best = "best"


class Calibrator(ABC):
    """A rising map from logits to log odds."""

    @property
    @abstractmethod
    def method(self) -> CalibrationMethod:
        """Which it is."""

    @abstractmethod
    def log_odds(self, logits: np.ndarray) -> np.ndarray:
        """Logarithms of the calibrated odds, ``(n,)``, float64, always finite for finite logits."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; the inverse of :func:`calibrator_from_dict`."""

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, ``(n,)``."""
        return sigmoid(self.log_odds(logits))


@final
@dataclass(frozen=True)
class Temperature(Calibrator):
    """``log odds = logit / temperature + intercept``.

    Raises:
        ConfigurationError: the temperature is not positive, or a number is not finite.
    """

    temperature: float
    intercept: float

    def __post_init__(self) -> None:
        if not (_LEAST_TEMPERATURE < self.temperature < np.inf and np.isfinite(self.intercept)):
            raise ConfigurationError(
                f"temperature {self.temperature!r} and intercept {self.intercept!r}; expected a positive "
                "temperature and finite numbers"
            )

    @property
    def method(self) -> CalibrationMethod:
        return CalibrationMethod.temperature

    def log_odds(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(logits, np.float64) / self.temperature + self.intercept

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method.value,
            "temperature": self.temperature,
            "intercept": self.intercept,
        }


@final
@dataclass(frozen=True)
class Isotonic(Calibrator):
    """A rising curve through knots, straight between them and constant beyond the first and the last.

    Attributes:
        logits: of the knots, rising.
        probabilities_at: of the knots, rising, between 0 and 1 exclusively.

    Raises:
        ConfigurationError: no knots, or knots that do not rise.
    """

    logits: tuple[float, ...]
    probabilities_at: tuple[float, ...]

    def __post_init__(self) -> None:
        places, values = np.asarray(self.logits), np.asarray(self.probabilities_at)
        rising = places.shape == values.shape and (np.diff(places) > 0).all() and (np.diff(values) >= 0).all()
        finite = np.isfinite(places).all() and np.isfinite(values).all()
        if not len(places) or not rising or not finite or not (values[0] > 0 and values[-1] < 1):
            raise ConfigurationError(
                f"{len(places)} knots with {len(values)} probabilities; expected rising logits and rising "
                "probabilities between 0 and 1"
            )

    @property
    def method(self) -> CalibrationMethod:
        return CalibrationMethod.isotonic

    def log_odds(self, logits: np.ndarray) -> np.ndarray:
        found = np.interp(np.asarray(logits, np.float64), self.logits, self.probabilities_at)
        return np.log(found) - np.log1p(-found)

    def to_dict(self) -> dict[str, Any]:
        knots = [list(pair) for pair in zip(self.logits, self.probabilities_at, strict=True)]
        return {"method": self.method.value, "knots": knots}


def calibrator_from_dict(data: Mapping[str, Any]) -> Calibrator:
    """Read plain data.

    Raises:
        ConfigurationError: an unknown method, or wrong numbers.
    """
    try:
        method = CalibrationMethod(data["method"])
        if method is CalibrationMethod.temperature:
            return Temperature(float(data["temperature"]), float(data["intercept"]))
        if method is CalibrationMethod.isotonic:
            logits, probabilities = zip(*data["knots"], strict=True)
            return Isotonic(tuple(map(float, logits)), tuple(map(float, probabilities)))
    except ConfigurationError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"no calibration: {error!r} in {str(data)[:200]}") from error
    raise ConfigurationError(f"calibration of method {method.value!r}; expected temperature or isotonic")


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> Temperature:
    """The temperature and intercept with the least cross-entropy to Platt's softened targets.

    With n₊ trojaned and n₋ clean networks the targets are ``(n₊ + 1) / (n₊ + 2)`` and ``1 / (n₋ + 2)``
    instead of 1 and 0, so that the prediction is finite also where the detector makes no error.  The
    temperature is kept positive, between e⁻⁵ and e⁵ deviations of the logits: calibration never turns the
    order around.

    Args:
        logits: ``(n,)``.
        labels: ``(n,)``, 1 for trojaned.

    Raises:
        ConfigurationError: one of the two kinds is missing, or a logit is not finite.
    """
    logits, labels = _ordinary(*_checked(logits, labels))
    positive = int(labels.sum())
    targets = np.where(labels, (positive + 1) / (positive + 2), 1 / (len(labels) - positive + 2))

    # In the logits' own unit, so that detectors whose logits differ little are not taken for blind ones.
    middle, unit = float(logits.mean()), float(logits.std()) or 1.0
    standard = (logits - middle) / unit

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(-free[0])
        odds = standard * slope + free[1]
        value = np.logaddexp(0, odds) - targets * odds
        error = sigmoid(odds) - targets
        return float(value.mean()), np.array([-(error * standard * slope).mean(), error.mean()])

    bounds = (_LOG_TEMPERATURES, _INTERCEPTS)
    # Imported here: predictions fit nothing.
    from scipy.optimize import minimize

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x
    temperature = unit * float(np.exp(found[0]))
    return Temperature(temperature, float(found[1]) - middle / temperature)


def _ordinary(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without logits far outside, such as of networks that diverged; all where one kind would be missing."""
    near = within_reach(torch.from_numpy(logits)[:, None])[:, 0].numpy()
    kept = labels[near]
    return (logits[near], kept) if 0 < kept.sum() < len(kept) else (logits, labels)


def fit_isotonic(logits: np.ndarray, labels: np.ndarray) -> Isotonic:
    """The rising curve with the least squared error (scikit-learn), kept away from 0 and 1.

    Probabilities stay between ``1 / (n + 2)`` and ``(n + 1) / (n + 2)``: n networks cannot show more.

    Raises:
        ConfigurationError: one of the two kinds is missing, or a logit is not finite; or scikit-learn is not
            installed.
    """
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise ConfigurationError("isotonic calibration needs scikit-learn: install it") from error
    logits, labels = _checked(logits, labels)
    curve = IsotonicRegression().fit(logits, labels.astype(np.float64))
    margin = 1 / (len(logits) + 2)
    places, first = np.unique(np.asarray(curve.X_thresholds_, np.float64), return_index=True)
    values = np.clip(np.asarray(curve.y_thresholds_, np.float64)[first], margin, 1 - margin)
    return Isotonic(tuple(places.tolist()), tuple(np.maximum.accumulate(values).tolist()))


_FITS: Final = {
    CalibrationMethod.temperature: fit_temperature,
    CalibrationMethod.isotonic: fit_isotonic,
}


def fit_calibrator(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    method: CalibrationMethod = CalibrationMethod.temperature,
    groups: np.ndarray | None = None,
) -> Calibrator:
    """The calibrator of a method; for ``best``, the better of both by :func:`cross_validated_log_loss`.

    Ties, and sets too small to be divided, go to the temperature.

    Raises:
        ConfigurationError: one of the two kinds is missing, or a logit is not finite.
    """
    if method is not CalibrationMethod.best:
        return _FITS[method](logits, labels)
    losses = {one: cross_validated_log_loss(one, logits, labels, groups=groups) for one in _FITS}
    curve = losses[CalibrationMethod.isotonic] < losses[CalibrationMethod.temperature]
    return fit_isotonic(logits, labels) if curve else fit_temperature(logits, labels)


def cross_validated_log_loss(
    method: CalibrationMethod,
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    folds: int = FOLDS,
) -> float:
    """Mean log loss on networks that the calibrator was not fitted to; infinite where none can be left out.

    Groups, such as twins, are left out together: group k of those in sorted order by ``k % folds``.
    """
    logits, labels = _checked(logits, labels)
    owner = np.arange(len(logits)) if groups is None else np.unique(groups, return_inverse=True)[1]
    total, count = 0.0, 0
    for fold in range(folds):
        out = owner % folds == fold
        if not out.any() or len(np.unique(labels[~out])) < 2:
            continue
        odds = _FITS[method](logits[~out], labels[~out]).log_odds(logits[out])
        total += float((np.logaddexp(0, odds) - labels[out] * odds).sum())
        count += int(out.sum())
    return total / count if count else float("inf")


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities of log odds, without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(log_odds, np.float64)))


def log_loss(log_odds: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy of log odds ``(n,)`` and labels 0 and 1, ``(n,)``, in nats."""
    return float((np.logaddexp(0, log_odds) - labels * log_odds).mean())


def with_prior(log_odds: np.ndarray, *, before: float, after: float) -> np.ndarray:
    """Log odds where the fraction of trojaned networks is `after`, not `before` (both between 0 and 1).

    Bayes' rule: the evidence stays, the prior odds are exchanged.
    """
    return np.asarray(log_odds, np.float64) + _logit(after) - _logit(before)


def _logit(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))


def _checked(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels).astype(bool)
    if logits.shape != labels.shape or logits.ndim != 1:
        raise ConfigurationError(f"logits {logits.shape} and labels {labels.shape}; expected one label each")
    if not np.isfinite(logits).all():
        raise ConfigurationError(f"{int((~np.isfinite(logits)).sum())} logits are not finite; expected none")
    if labels.all() or not labels.any():
        raise ConfigurationError(
            f"{int(labels.sum())} trojaned and {int((~labels).sum())} clean networks; calibration needs both"
        )
    return logits, labels
