"""Confidence intervals."""

from __future__ import annotations

import math

from scalegmn.errors import ConfigurationError

_Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson_interval(*, hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson 1927), sensible for small samples and near 0 and 1.

    Raises:
        ConfigurationError: `hits` is not from 0 to `total`, or `total` is not positive.

    Example:
        >>> from scalegmn.metrics import wilson_interval
        >>> low, high = wilson_interval(hits=0, total=10)
        >>> round(low, 3), round(high, 3)
        (0.0, 0.278)
    """
    if total < 1 or not 0 <= hits <= total:
        raise ConfigurationError(f"{hits} hits of {total} make no proportion")
    share, z2 = hits / total, _Z95**2
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    # At 0 and 1 an end of the interval is exact; rounding must not push it out of the fraction.
    low = 0.0 if hits == 0 else max(0.0, center - half)
    high = 1.0 if hits == total else min(1.0, center + half)
    return low, high
