"""The line between two networks: how much worse the networks on it are than its ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters

from ._restoring import Restorer

_CHUNK: Final = 512
"""Examples that a network is asked about at once."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Barrier:
    r"""Losses on the line between two networks.

    Attributes:
        fractions: t of the networks ``(1 - t) A + t B``, from 0 to 1, ``(points,)``.
        losses: of each, ``(points,)``.
        errors: share of wrong classes of each, ``(points,)``; None where there are no classes.
    """

    fractions: NDArray[np.float64]
    losses: NDArray[np.float64]
    errors: NDArray[np.float64] | None

    @cached_property
    def loss(self) -> float:
        r"""The barrier, :math:`\max_t L(t) - (1 - t) L(0) - t L(1)`, at least 0."""
        return _height(self.fractions, self.losses)

    @cached_property
    def error(self) -> float | None:
        """The same for the share of wrong classes."""
        return None if self.errors is None else _height(self.fractions, self.errors)


def barrier(
    architecture: Architecture,
    first: Parameters,
    second: Parameters,
    *,
    inputs: Tensor,
    targets: Tensor,
    points: int = 11,
    restore: Tensor | None = None,
) -> Barrier:
    """Measure the networks on the line between two.

    Args:
        architecture: of both.
        first, second: parameters of the ends, ``(P,)``; align them first.
        inputs: examples, ``(n, *features)``.
        targets: classes ``(n,)`` of int64, for the cross-entropy, or real answers, for the mean squared
            error.
        points: how many networks, the ends among them.
        restore: examples from which statistics of the networks between the ends are restored.

    Raises:
        SymmetryError: fewer than three points, targets that do not fit, or a loss that is not finite.
    """
    if points < 3 or len(inputs) != len(targets) or not len(inputs):
        raise SymmetryError(
            f"{points} points, {len(inputs)} inputs and {len(targets)} targets, expected 3 points or more "
            "and a target for each of at least one input"
        )
    restorer = None if restore is None else Restorer(architecture, restore)
    parents = [] if restorer is None else [restorer.parent(theta) for theta in (first, second)]
    fractions = np.linspace(0.0, 1.0, points)
    measured = []
    for fraction in fractions.tolist():
        theta = (1 - fraction) * first + fraction * second
        if restorer is not None and 0 < fraction < 1:
            theta = restorer.restored(theta, parents=parents, weights=(1 - fraction, fraction))
        measured.append(_measured(architecture, theta, inputs, targets))
    losses = np.array([loss for loss, _ in measured])
    if not np.isfinite(losses).all():
        raise SymmetryError(
            "a network on the line has a loss that is NaN or infinite; nothing can be said of it"
        )
    errors = np.array([error for _, error in measured])
    return Barrier(fractions=fractions, losses=losses, errors=None if targets.is_floating_point() else errors)


def _measured(
    architecture: Architecture, theta: Parameters, inputs: Tensor, targets: Tensor
) -> tuple[float, float]:
    """Mean loss, and the share of wrong classes."""
    loss = wrong = 0.0
    with torch.no_grad():
        for asked, wanted in zip(inputs.split(_CHUNK), targets.split(_CHUNK), strict=True):
            found = architecture.run(theta[None].to(asked.dtype), asked)[0]
            if wanted.is_floating_point():
                loss += float((found.double() - wanted.reshape(found.shape)).square().mean()) * len(asked)
            else:
                loss += float(functional.cross_entropy(found.double(), wanted, reduction="sum"))
                wrong += float((found.argmax(dim=1) != wanted).sum())
    return loss / len(inputs), wrong / len(inputs)


def _height(fractions: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    chord = (1 - fractions) * values[0] + fractions * values[-1]
    return float(max((values - chord).max(), 0.0))
