"""Confidence intervals where several predictions belong together, such as networks of the same image."""

from __future__ import annotations

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator


def clustered_interval(
    hits: np.ndarray, clusters: np.ndarray, *, draws: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of a fraction of hits, by a bootstrap over clusters (Field and Welsh 2007).

    Predictions for networks of one image are alike, so an interval that counts every network as a
    draw of its own would be too narrow.

    Args:
        hits: ``(N,)``, whether each prediction is right.
        clusters: ``(N,)``, what each belongs to.
        draws: resamples of the clusters.
        seed: of the resamples.

    Raises:
        ConfigurationError: there are no predictions, or not one cluster for each.
    """
    hits, clusters = np.asarray(hits), np.asarray(clusters)
    if hits.ndim != 1 or hits.shape != clusters.shape or not len(hits):
        raise ConfigurationError(
            f"hits of shape {hits.shape} and clusters of shape {clusters.shape}; expected one cluster per "
            "prediction, and at least one prediction"
        )
    _, members, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    right = np.bincount(members, weights=hits)
    random = numpy_generator(seed, "bootstrap")
    # How often each cluster is drawn, (draws, clusters).
    times = random.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=draws)
    shares = (times @ right) / (times @ sizes)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)
