"""The coefficient of determination."""

from __future__ import annotations

import numpy as np


def r_squared(true: np.ndarray, predicted: np.ndarray) -> float | None:
    """The fraction of the variance of the true values that predictions explain.

    1 for predictions that are right, 0 for the mean of the true values, below 0 for worse.  None where the
    true values are all the same.

    Example:
        >>> import numpy as np
        >>> from scalegmn.metrics import r_squared
        >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
        0.0
    """
    total = np.square(true - true.mean()).sum() if len(true) else 0.0
    # Relative to the size, because the mean of equal numbers may differ from them in the last digit.
    if total <= len(true) * (1e-12 * np.abs(true).max(initial=0.0)) ** 2:
        return None
    return float(1 - np.square(true - predicted).sum() / total)
