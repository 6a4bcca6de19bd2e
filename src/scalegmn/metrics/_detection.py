"""How well scores tell two kinds of networks apart, and how far probabilities can be believed."""

from __future__ import annotations

from typing import Final

import numpy as np

from scalegmn.errors import ConfigurationError

BINS: Final = 15
"""Bins of equal width into which probabilities are sorted to see whether they can be believed."""


def auroc(truth: np.ndarray, scores: np.ndarray) -> float | None:
    """The area under the ROC curve, exact with ties.

    The fraction of all pairs of a positive and a negative network in which the positive one has the larger
    score; pairs with equal scores count one half (Mann and Whitney 1947).

    Args:
        truth: ``(n,)``, 0 or 1.
        scores: ``(n,)``, larger for what is more likely 1.

    Returns:
        None where all networks are of one kind.

    Raises:
        ConfigurationError: the lists have different lengths, truth is neither 0 nor 1, or a score is NaN.

    Example:
        >>> import numpy as np
        >>> from scalegmn.metrics import auroc
        >>> auroc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
    """
    positive, negative = _parted(truth, scores)
    if not (len(positive) and len(negative)):
        return None
    below = np.searchsorted(negative, positive, side="left")
    not_above = np.searchsorted(negative, positive, side="right")
    # Whole numbers up to here, so that the area does not depend on the order of networks.
    return float((below + not_above).sum()) / (2 * len(positive) * len(negative))


def roc_points(truth: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """False positive rates, true positive rates and thresholds, ``(k, 3)``, from (0, 0) to (1, 1).

    A point for every different score, highest first: the rates when all networks with this score or a larger
    one are called positive.  Networks with the same score enter together.  The first threshold is infinite.

    Arguments, None and errors as for :func:`auroc`.
    """
    positive, negative = _parted(truth, scores)
    if not (len(positive) and len(negative)):
        return None
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    rates = [
        (len(part) - np.searchsorted(part, thresholds, side="left")) / len(part)
        for part in (negative, positive)
    ]
    points = np.stack([*rates, thresholds], axis=1)
    return np.concatenate([[[0.0, 0.0, np.inf]], points])


def rate_at(truth: np.ndarray, scores: np.ndarray, *, false_positives: float) -> float | None:
    """The largest true positive rate at a false positive rate of at most `false_positives`.

    No interpolation: there is a threshold that reaches it on these networks.  Other arguments, None and
    errors as for :func:`auroc`.
    """
    positive, negative = _parted(truth, scores)
    if not (len(positive) and len(negative)):
        return None
    # So many negative networks may be called positive; rounding must not cost one.
    allowed = int(np.floor(false_positives * len(negative) + 1e-9))
    if allowed >= len(negative):
        return 1.0
    # All above the highest negative score that may not be called positive.
    highest = negative[len(negative) - 1 - allowed]
    return float((positive > highest).mean())


def brier_score(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean squared difference of probabilities and truth (Brier 1950); 0 is best."""
    return float(np.square(probabilities - truth).mean())


def calibration_bins(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """Lower end, networks, mean probability and fraction of positive ones for every bin, ``(bins, 4)``.

    Bins have equal width, and hold probabilities from their lower end up to, not including, their upper one;
    the last holds 1 as well.  Mean and fraction of an empty bin are NaN.
    """
    owner = np.clip((probabilities * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(owner, minlength=bins)
    size = np.where(counts > 0, counts, np.nan)
    means = np.bincount(owner, weights=probabilities, minlength=bins) / size
    shares = np.bincount(owner, weights=truth, minlength=bins) / size
    return np.stack([np.arange(bins) / bins, counts, means, shares], axis=1)


def expected_calibration_error(bins: np.ndarray) -> float:
    """The mean over networks of how far the mean probability of their bin is from its share of positive ones.

    Naeini et al. 2015, for the probability of one class.

    Args:
        bins: ``(k, 4)``, from :func:`calibration_bins`.
    """
    filled = bins[bins[:, 1] > 0]
    return float((filled[:, 1] * np.abs(filled[:, 2] - filled[:, 3])).sum() / filled[:, 1].sum())


def _parted(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of positive and of negative networks, ascending."""
    truth, scores = np.asarray(truth), np.asarray(scores, dtype=np.float64)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ConfigurationError(
            f"truth of shape {truth.shape} and scores of shape {scores.shape}, expected one of each per "
            "network"
        )
    known = (truth == 0) | (truth == 1)
    if not known.all():
        raise ConfigurationError(f"truth holds {truth[~known][0]}, expected 0 or 1")
    if np.isnan(scores).any():
        raise ConfigurationError(f"{int(np.isnan(scores).sum())} scores are NaN; leave such networks out")
    positive = truth == 1
    return np.sort(scores[positive]), np.sort(scores[~positive])
