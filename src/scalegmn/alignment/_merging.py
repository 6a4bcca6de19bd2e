"""The average of networks that were brought to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters

from ._aligner import Aligner
from ._alignment import Alignment
from ._matching import Matching
from ._restoring import Restorer

_ROUNDS: Final = 10
_MOVED: Final = 1e-6
"""Relative change of the mean below which aligning to it again is of no use."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class MergedNetwork:
    """The average of networks that were brought to each other.

    Attributes:
        architecture: of all of them.
        theta: parameters of the average, ``(P,)``.
        aligned: the networks, brought to the first, ``(K, P)``.
        weights: of the networks in the average, which sum to 1.
        restored: how many norms and linear maps had their statistics restored.
        rounds: how often all were aligned.
    """

    architecture: Architecture
    theta: Parameters
    aligned: Tensor
    weights: tuple[float, ...]
    restored: int
    rounds: int


def merge(
    architecture: Architecture,
    networks: Sequence[Parameters],
    *,
    weights: Sequence[float] | None = None,
    matching: Matching | None = None,
    examples: Tensor | None = None,
) -> MergedNetwork:
    r"""Average networks after bringing them to each other.

    .. math::

        \theta = \sum_k \lambda_k \, g_k \theta_k

    with :math:`g_1 = 1`.  Of more than two networks each is aligned to the mean of the others, again and
    again until nothing moves (Ainsworth et al., "Git Re-Basin", 2023, algorithm 3).

    Args:
        architecture: of all networks.
        networks: parameters ``(P,)`` of two or more.
        weights: of the networks, positive, in any unit; equal ones if left out.
        matching: parts of the group, effort, and what channels are matched by.
        examples: real ones, ``(n, *features)``: then statistics of the average are restored
            (:class:`Restorer`), and channels can be matched by what they answer.

    Raises:
        SymmetryError: fewer than two networks, weights that do not fit, or networks that cannot be aligned.

    Law: the merge of a network and its own copies, moved by symmetries, is that network.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment import merge
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(2, 8, 1), activations=[Activation("relu")])
        >>> theta = torch.randn(network.num_parameters, dtype=torch.float64)
        >>> copy = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(theta)
        >>> torch.allclose(merge(network, [theta, copy]).theta, theta)
        True
    """
    shares = _shares(len(networks), weights)
    shape = None if examples is None else tuple(examples.shape[1:])
    aligner = Aligner(architecture, matching=matching, shape=shape)
    aligned, rounds = _aligned(aligner, [one.detach().double() for one in networks], examples)
    stacked = torch.stack(aligned)
    theta = torch.tensor(shares, dtype=torch.float64) @ stacked
    restored = 0
    if examples is not None:
        restorer = Restorer(architecture, examples)
        parents = [restorer.parent(one) for one in aligned]
        theta, restored = restorer.restored(theta, parents=parents, weights=shares), restorer.count
    dtype = networks[0].dtype
    return MergedNetwork(
        architecture=architecture,
        theta=theta.to(dtype),
        aligned=stacked.to(dtype),
        weights=shares,
        restored=restored,
        rounds=rounds,
    )


def _aligned(
    aligner: Aligner, networks: Sequence[Tensor], examples: Tensor | None
) -> tuple[list[Tensor], int]:
    """All networks, brought to the first, and how often all were aligned."""

    def brought(reference: Tensor, other: Tensor) -> Alignment:
        return aligner.align_prepared(
            *(aligner.prepare(one, examples=examples) for one in (reference, other))
        )

    reference = networks[0]
    found = [brought(reference, other) for other in networks[1:]]
    rounds = 1
    while len(found) > 1 and rounds < _ROUNDS:
        before = torch.stack([one.aligned for one in found])
        for number, one in enumerate(found):
            others = [another.aligned for place, another in enumerate(found) if place != number]
            found[number] = brought(torch.stack([reference, *others]).mean(dim=0), one.aligned)
        rounds += 1
        if float((torch.stack([one.aligned for one in found]) - before).norm()) <= _MOVED * float(
            before.norm()
        ):
            break
    if examples is not None:
        # Scales are fitted once: they follow from what was matched.
        found = [aligner.fitted(replace(one, reference=reference), examples) for one in found]
    return [reference, *(one.aligned for one in found)], rounds


def _shares(count: int, weights: Sequence[float] | None) -> tuple[float, ...]:
    if count < 2:
        raise SymmetryError(f"{count} networks are given, expected two or more to merge")
    given = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(given) != count or not all(0 < weight < float("inf") for weight in given):
        raise SymmetryError(
            f"weights are {given} for {count} networks, expected a positive number for each of them"
        )
    return tuple(weight / sum(given) for weight in given)
