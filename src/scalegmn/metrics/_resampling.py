"""Confidence intervals by resampling, of any figure about a set of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float | None],
    *,
    count: int,
    groups: np.ndarray | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The 95 % interval of a figure, from the quantiles of a bootstrap (Efron 1979).

    Networks are drawn with replacement; or whole groups of them (Field and Welsh 2007), where predictions
    belong together, such as those about several checkpoints of one training: counting each as a draw of its
    own would make the interval too narrow.

    Args:
        statistic: the figure of the networks with these numbers, ``(m,)`` from 0 to `count` - 1 with
            repetitions; None where they have none.
        count: how many networks there are.
        groups: ``(count,)``, what each network belongs to.
        draws: resamples.
        seed: of the resamples; figures with the same seed see the same ones.

    Returns:
        None where the figure is undefined for half of the resamples or more, or there is one group only.

    Raises:
        ConfigurationError: there is not one group per network.
    """
    values = [statistic(rows) for rows in resamples(count=count, groups=groups, draws=draws, seed=seed)]
    defined = [value for value in values if value is not None]
    if not defined or 2 * len(defined) <= draws:
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def resamples(
    *, count: int, groups: np.ndarray | None = None, draws: int = 1000, seed: int = 0
) -> Iterator[np.ndarray]:
    """Numbers of the networks of each resample, in ascending order; none where there is one group only.

    Raises:
        ConfigurationError: there is not one group per network.
    """
    members = np.arange(count)
    if groups is not None:
        groups = np.asarray(groups)
        if groups.shape != (count,):
            raise ConfigurationError(
                f"groups of shape {groups.shape} for {count} networks; expected one group per network"
            )
        _, members = np.unique(groups, return_inverse=True)
    clusters = int(members.max()) + 1 if count else 0
    if clusters < 2:
        return
    random = numpy_generator(seed, "bootstrap")
    for _ in range(draws):
        times = np.bincount(random.integers(clusters, size=clusters), minlength=clusters)
        yield np.repeat(np.arange(count), times[members])
