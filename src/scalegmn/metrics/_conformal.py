"""How unusual a score is among those of clean networks, and how far a prediction may be off, with a
guarantee.

Book: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, for conformal p-values.
Paper: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-Free Predictive Inference for Regression",
2018, for intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np


def conformal_p_values(scores: np.ndarray, clean: np.ndarray | Sequence[float]) -> np.ndarray:
    """``(1 + #{clean >= score}) / (n + 1)`` for every score, ``(m,)``.

    If a network is clean and its score is exchangeable with those of the n clean ones, its p-value is at
    most α with a probability of at most α, for every α.

    Args:
        scores: ``(m,)``; the larger, the more suspicious.
        clean: scores of n clean networks in ascending order.

    Example:
        >>> import numpy as np
        >>> from scalegmn.metrics import conformal_p_values
        >>> conformal_p_values(np.array([0.0, 5.0]), clean=[1.0, 2.0, 3.0, 4.0]).tolist()
        [1.0, 0.2]
    """
    below = np.searchsorted(np.asarray(clean, np.float64), np.asarray(scores, np.float64), side="left")
    return (1 + len(clean) - below) / (len(clean) + 1)


def smallest_p_value(count: int) -> float:
    """The least p-value that `count` clean networks allow."""
    return 1 / (count + 1)


def fewest_networks(level: float) -> int:
    """How many clean networks it takes for a p-value of at most `level`, above 0: 99 for 1 %."""
    count = max(math.ceil(1 / level) - 2, 0)
    while smallest_p_value(count) > level:
        count += 1
    return count


def upper_quantile(values: np.ndarray, share: float) -> tuple[float, int]:
    """The conformal quantile: the ``ceil(share (n + 1))``-th smallest of n values, at most the largest.

    A further exchangeable value exceeds it with a probability of at most ``1 - share``, or, where n is too
    small for that, of at most ``1 / (n + 1)``.

    Returns:
        The quantile, and which value it is, counted from 1.
    """
    place = min(conformal_rank(share, len(values)), len(values))
    return float(np.sort(values)[place - 1]), place


def conformal_rank(share: float, count: int) -> int:
    """``ceil(share (n + 1))``, exactly: which of n ascending values bounds a further one with a probability
    of at least `share`, counted from 1.  It is larger than n where n values are too few.

    The share is taken as it is written, so that 0.55 of 20 is 11 and not a little more.
    """
    return math.ceil(Fraction(repr(float(share))) * (count + 1))


def interval_radius(errors: np.ndarray, level: float) -> float | None:
    """How far from a prediction the truth lies, with a probability of at least `level`.

    Split conformal prediction (Papadopoulos et al. 2002; Lei et al. 2018): where the errors of n networks
    that were not learned from are exchangeable with the error of a further one, ``prediction ± radius``
    covers its true number with a probability of at least `level`, and below ``level + 1 / (n + 1)`` if no two
    errors are the same.

    Args:
        errors: sizes of the errors, ``(n,)``; what is no number counts as infinite.
        level: above 0 and below 1.

    Returns:
        None where n errors are too few for this level, or too many of them are infinite: the interval would
        be the whole line.
    """
    place = conformal_rank(level, len(errors))
    if place > len(errors):
        return None
    sizes = np.sort(np.where(np.isfinite(errors), errors, np.inf))
    radius = float(sizes[place - 1])
    return radius if math.isfinite(radius) else None


def fewest_errors(level: float) -> int:
    """The least number of errors that makes an interval of this level: the first n with ``level (n + 1) <=
    n``."""
    share = Fraction(repr(float(level)))
    return math.ceil(share / (1 - share))
