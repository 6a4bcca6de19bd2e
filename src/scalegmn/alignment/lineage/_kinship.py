"""Two related networks, compared after alignment."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.alignment import Aligner, PreparedNetwork, Tolerance, same
from scalegmn.networks import Architecture

from ._network import LineageNetwork

_KEPT: Final = 2**27
"""Parameters of prepared networks that are kept at once."""
_CLOSE: Final = 0.05
"""Relative distance of networks about which it is asked whether they are the same."""
_APART: Final = 0.5
"""Relative distance after alignment beyond which networks are not related; strangers are at 0.6 to 1.2."""
_MOST_ALIGNED: Final = 2**20
"""Parameters of networks that are aligned although their fingerprints are unlike: these may be many."""
_GROWN: Final = 4.0
"""Weights that are 0 in the parent cost at most so many times what others cost."""
_ZEROS: Final = 0.01
"""Share of parameters by which a pruned network has more zeros than its parent."""


@final
@dataclass(frozen=True, kw_only=True)
class Kinship:
    """Two networks after alignment.

    Attributes:
        distance: relative distance of their parameters.
        forth: how unlikely it is that the second comes from the first.
        back: how unlikely it is that the first comes from the second.
        same: whether they are the same, up to rounding of what they were kept in.
        rounded: whether the second is the first, rounded; -1 where it is the other way round, and 0 where
            neither is.
        pruned: in the same way, whether the second has weights set to 0 that the first has.
    """

    distance: float
    forth: float
    back: float
    same: bool
    rounded: int
    pruned: int


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class _Candidate:
    """A network without neurons that are unread or split."""

    aligner: Aligner
    prepared: PreparedNetwork
    dtype: torch.dtype
    zeros: float


@final
class Comparer:
    """Compares networks of one family by their numbers, each brought to the middle of the family.

    Args:
        read: gives a network by its number.
        largest: parameters of one network, at most: what is kept at once follows from it.
    """

    def __init__(self, read: Callable[[int], LineageNetwork], *, largest: int) -> None:
        kept = max(2, _KEPT // max(1, largest))
        self._read: Final = read
        self._candidate: Final = lru_cache(maxsize=kept)(self._prepared)
        self._framed: Final = lru_cache(maxsize=kept)(self._aligned)
        self._aligner: Final = lru_cache(maxsize=64)(Aligner)
        self._middles: Final[dict[Architecture, int]] = {}

    def enter(self, members: Sequence[int]) -> None:
        """Begin with another family.

        Args:
            members: indices of its networks, the one in the middle first.
        """
        self._framed.cache_clear()
        self._middles.clear()
        for member in members:
            self._middles.setdefault(self._candidate(member).aligner.architecture, member)

    def compare(self, first: int, second: int) -> Kinship | None:
        """What alignment says of two networks; None where their architectures differ.

        Args:
            first, second: indices of networks of the family.

        Raises:
            ScaleGMNError: one cannot be read any more.
        """
        one, two = self._candidate(first), self._candidate(second)
        architecture = one.aligner.architecture
        if architecture != two.aligner.architecture:
            return None
        ours, theirs = self._framed(first), self._framed(second)
        size = float(torch.maximum(ours.norm(), theirs.norm()))
        distance = float((ours - theirs).norm()) / size if size else 0.0
        is_same = distance <= _CLOSE and self._same(one, two)
        finer = _bits(one.dtype) - _bits(two.dtype)
        # Of most numbers it can be told whether they were rounded; what was computed from others may differ.
        near = distance <= max(torch.finfo(one.dtype).eps, torch.finfo(two.dtype).eps) / 2
        fewer = two.zeros - one.zeros
        return Kinship(
            distance=distance,
            forth=descent_cost(architecture, ours, theirs),
            back=descent_cost(architecture, theirs, ours),
            same=is_same,
            rounded=(finer > 0) - (finer < 0) if is_same or near else 0,
            pruned=int(math.copysign(1, fewer)) if abs(fewer) > _ZEROS else 0,
        )

    def are_apart(self, first: int, second: int) -> bool:
        """Whether two networks are too far from each other for relatives, aligned to each other alone.

        Args:
            first, second: indices of networks; nothing is said against those of different architectures.

        Raises:
            ScaleGMNError: one cannot be read any more.
        """
        one, two = self._candidate(first), self._candidate(second)
        if one.aligner.architecture != two.aligner.architecture:
            return False
        return one.aligner.align_prepared(one.prepared, two.prepared).distance > _APART

    def are_near(self, first: int, second: int) -> bool:
        """Whether two networks are so near each other that they are relatives, whatever else they are like.

        Args:
            first, second: indices of networks; large ones, and those of different architectures, are not
                compared.

        Raises:
            ScaleGMNError: one cannot be read any more.
        """
        one, two = self._candidate(first), self._candidate(second)
        architecture = one.aligner.architecture
        if architecture != two.aligner.architecture or architecture.num_parameters > _MOST_ALIGNED:
            return False
        return one.aligner.align_prepared(one.prepared, two.prepared).distance <= _APART

    def _same(self, one: _Candidate, two: _Candidate) -> bool:
        tolerance = Tolerance.of(one.dtype, two.dtype)
        given = one.prepared.theta, two.prepared.theta
        return same(one.aligner.architecture, *given, tolerance=tolerance, aligner=one.aligner).same

    def _aligned(self, number: int) -> Tensor:
        """Parameters at the place of the family's middle, ``(P,)``."""
        candidate = self._candidate(number)
        middle = self._candidate(self._middles[candidate.aligner.architecture])
        found = candidate.aligner.align_prepared(middle.prepared, candidate.prepared)
        return found.aligned.double() * found.gauge

    def _prepared(self, number: int) -> _Candidate:
        network = self._read(number).narrowed()
        aligner, theta = self._aligner(network.architecture), network.theta.double()
        return _Candidate(
            aligner=aligner,
            prepared=aligner.prepare(theta),
            dtype=network.kept_in,
            zeros=float((theta == 0).double().mean()),
        )


def descent_cost(architecture: Architecture, parent: Tensor, child: Tensor) -> float:
    r"""How far a network is from another one, as far as pruning does not explain it.

    Weights that are 0 in the child may have been set to 0, so they cost nothing.  Those that are 0 in the
    parent only had to grow in the child, unless the parent was pruned after the child was made, so that they
    cost what they are, but not much more than others.  The third power counts what one training changed much,
    and not what every training run changes a little.

    Args:
        architecture: of both.
        parent, child: parameters after alignment, ``(P,)``.

    Returns:
        The third root of the mean of ``|child - parent|^3`` over weights that are not 0 in the child, each
        tensor relative to its size, weighted by its numbers.
    """
    total, numbers = 0.0, 0
    for parameter in architecture.parameters:
        first, second = (one[parameter.start : parameter.stop] for one in (parent, child))
        size = float(first.square().mean() * second.square().mean()) ** 0.25
        count = len(first)
        if size > 0:
            total += count * _mean_cost((second - first).abs() / size, first != 0, second != 0)
        elif bool(first.any() or second.any()):
            total += count
        numbers += count
    return float((total / numbers) ** (1 / 3)) if numbers else 0.0


def _mean_cost(differences: Tensor, before: Tensor, after: Tensor) -> float:
    cubes = differences.pow(3)
    kept, grown = before & after, after & ~before
    moved = float(cubes[kept].sum())
    usual = moved / max(1, int(kept.sum()))
    from_zero = min(float(cubes[grown].sum()), _GROWN * usual * int(grown.sum()))
    return (moved + from_zero) / max(1, int(after.sum()))


def _bits(dtype: torch.dtype) -> float:
    return -math.log2(torch.finfo(dtype).eps)
