"""How often the nearest neighbors of a network are of its class: what vectors tell without any training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float

from scalegmn.errors import ConfigurationError
from scalegmn.metrics._resampling import bootstrap_interval

# Distances of so many networks to all others at a time.
_AT_ONCE: Final = 512


@final
@dataclass(frozen=True, kw_only=True)
class NeighborAgreement:
    """How many of the nearest neighbors have the same class.

    Attributes:
        networks: how many there are.
        neighbors: how many of the nearest were looked at.
        share: mean share of these that have the class of the network itself.
        interval: of 95 %, by a bootstrap over networks or groups; None where there is one group only.
        chance: the mean share where neighbors are drawn at random.
    """

    networks: int
    neighbors: int
    share: float
    interval: tuple[float, float] | None
    chance: float


def neighbor_agreement(
    vectors: Float[np.ndarray, "n width"],
    classes: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    neighbors: int = 10,
) -> NeighborAgreement:
    """The mean over networks of the share of their `neighbors` nearest that have their class.

    Distances are Euclidean.  A network is no neighbor of itself, nor of those of its own group, such as
    checkpoints of one training or fits of one image, which are near for another reason.

    Args:
        vectors: ``(n, width)``.
        classes: ``(n,)``, whole numbers or words.
        groups: ``(n,)``, what each network belongs to; every network stands alone where it is None.
        neighbors: how many of the nearest.

    Raises:
        ConfigurationError: vectors are not finite, there is one class only, the arrays are of different
            lengths, or a network has fewer neighbors outside its group.

    Example: two crowds, of which one network calls itself by the name of the other.

        >>> import numpy as np
        >>> from scalegmn.metrics import neighbor_agreement
        >>> vectors = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
        >>> classes = np.array(["a", "a", "b", "b", "b", "b"])
        >>> round(neighbor_agreement(vectors, classes, neighbors=2).share, 3)
        0.667
    """
    owners = np.arange(len(vectors)) if groups is None else np.asarray(groups)
    _, owners = np.unique(owners, return_inverse=True)
    kinds, numbers = np.unique(classes, return_inverse=True)
    _check(vectors, numbers, owners, kinds=len(kinds), neighbors=neighbors)
    shares, chances = np.empty(len(vectors)), np.empty(len(vectors))
    for start in range(0, len(vectors), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        outside = owners[rows, None] != owners
        alike = numbers[rows, None] == numbers
        near = _nearest(vectors[rows], vectors, outside, neighbors)
        shares[rows] = np.take_along_axis(alike, near, axis=1).mean(axis=1)
        chances[rows] = (alike & outside).sum(axis=1) / outside.sum(axis=1)
    return NeighborAgreement(
        networks=len(vectors),
        neighbors=neighbors,
        share=float(shares.mean()),
        interval=bootstrap_interval(
            lambda rows: float(shares[rows].mean()), count=len(shares), groups=owners
        ),
        chance=float(chances.mean()),
    )


def _nearest(
    some: Float[np.ndarray, "m width"],
    vectors: Float[np.ndarray, "n width"],
    outside: Bool[np.ndarray, "m n"],
    count: int,
) -> np.ndarray:
    """The indices of the nearest of `vectors` that may be neighbors, ``(m, count)``."""
    squares = np.square(vectors).sum(axis=1) - 2 * some @ vectors.T
    return np.argpartition(np.where(outside, squares, np.inf), count - 1, axis=1)[:, :count]


def _check(
    vectors: np.ndarray, numbers: np.ndarray, owners: np.ndarray, *, kinds: int, neighbors: int
) -> None:
    if vectors.ndim != 2 or not len(vectors) == len(numbers) == len(owners):
        raise ConfigurationError(
            f"neighbors: vectors of shape {vectors.shape}, {len(numbers)} classes and {len(owners)} groups; "
            "expected one of each per network"
        )
    if not np.isfinite(vectors).all():
        raise ConfigurationError("neighbors: there are vectors that are not finite; leave these networks out")
    if kinds < 2:
        raise ConfigurationError(
            f"neighbors: {len(vectors)} networks have {kinds} class, expected at least two; choose another "
            "column, or other networks"
        )
    fewest = len(owners) - int(np.bincount(owners).max())
    if not 1 <= neighbors <= fewest:
        raise ConfigurationError(
            f"neighbors is {neighbors}, expected 1 to {fewest}: so many of the {len(vectors)} networks are "
            "outside the largest group; give fewer neighbors, or more networks"
        )
