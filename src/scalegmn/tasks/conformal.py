"""How unusual a score is among those of clean networks, with a guarantee.

Book: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, for conformal p-values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def conformal_p_values(scores: np.ndarray, clean: np.ndarray | Sequence[float]) -> np.ndarray:
    """``(1 + #{clean >= score}) / (n + 1)`` for every score, ``(m,)``.

    If a network is clean and its score is exchangeable with those of the n clean ones, its p-value is at
    most α with a probability of at most α, for every α.

    Args:
        scores: ``(m,)``; the larger, the more suspicious.
        clean: scores of n clean networks in ascending order.
    """
    below = np.searchsorted(np.asarray(clean, np.float64), np.asarray(scores, np.float64), side="left")
    return (1 + len(clean) - below) / (len(clean) + 1)


def smallest_p_value(count: int) -> float:
    """The least p-value that `count` clean networks allow."""
    return 1 / (count + 1)


def upper_quantile(values: np.ndarray, share: float) -> tuple[float, int]:
    """The conformal quantile: the ``ceil(share (n + 1))``-th smallest of n values, at most the largest.

    A further exchangeable value exceeds it with a probability of at most ``1 - share``, or, where n is too
    small for that, of at most ``1 / (n + 1)``.

    Returns:
        The quantile, and which value it is, counted from 1.
    """
    place = min(math.ceil(share * (len(values) + 1)), len(values))
    return float(np.sort(values)[place - 1]), place
