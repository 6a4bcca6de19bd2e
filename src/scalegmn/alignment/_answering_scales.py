r"""Scales with which the network halfway between two answers as they do on average.

.. math::

    \min_c \; \operatorname{mean}_x \,
    \ell\big(f_{(a + e^{E c} b) / 2}(x),\; \tfrac12 (y_a(x) + y_b(x))\big)

with the answers y of both and their squared distance, or the probabilities of classes and their
cross-entropy.  The function of b is the same for every c, so that only the line between both networks
changes.  No labels are needed.  Gradient descent starts where the weights of both agree best (c = 0).
"""

from __future__ import annotations

from typing import Final, Literal, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.shapes import Parameters
from scalegmn.symmetry.discovery import ExponentRows

_RATE: Final = 0.03
_BATCH: Final = 256
_AGREEING: Final = 1e-9
"""Squared distance, by that of the answers from their mean, at which nothing is left to fit."""

Answers = Literal["numbers", "classes"]


@final
class AnsweringScales:
    """Fits scales of networks of one architecture.

    Args:
        architecture: of the networks.
        rows: of its scales.
        examples: ``(n, *features)``.
        answers: what networks answer: numbers, or logits of classes along the last axis.
        steps: of gradient descent.
        seed: of the order of the examples.
    """

    def __init__(
        self,
        architecture: Architecture,
        rows: ExponentRows,
        examples: Tensor,
        *,
        answers: Answers,
        steps: int,
        seed: int,
    ) -> None:
        self._architecture, self._examples = architecture, examples.detach().float().cpu()
        self._classes: Final = answers == "classes"
        self._steps, self._seed = steps, seed
        matrix = rows.matrix.tocoo()
        self._dimension: Final[int] = matrix.shape[1]
        self._count: Final[int] = matrix.shape[0]
        self._entries: Final = torch.from_numpy(matrix.data).float()
        self._places: Final = [torch.from_numpy(place.astype(np.int64)) for place in (matrix.row, matrix.col)]
        self._rows: Final = _row_of_each(architecture, rows)

    def fitted(self, reference: Parameters, other: Parameters) -> Parameters:
        """The other network, scaled, ``(P,)`` in its dtype.

        Args:
            reference: parameters of the network that stays, ``(P,)``.
            other: those of the network that was aligned to it, ``(P,)``.
        """
        if not self._dimension:
            return other
        first, second = (theta.detach().float().cpu() for theta in (reference, other))
        with torch.no_grad():
            answers = torch.stack([self._answers(first), self._answers(second)])
            left = (self._answers((first + second) / 2) - answers.mean(dim=0)).square().mean()
            size = (answers - answers.mean(dim=1, keepdim=True)).square().mean()
            wanted = (answers.softmax(dim=-1) if self._classes else answers).mean(dim=0)
        if not bool(left > _AGREEING * size):
            return other
        free = self._descended(first, second, wanted, size)
        exponents = self._exponents(free).to(other)
        return other * exponents.exp() if bool(torch.isfinite(exponents).all()) else other

    def _descended(self, first: Tensor, second: Tensor, wanted: Tensor, size: Tensor) -> Tensor:
        """Free log-scales, ``(dimension,)``."""
        free = torch.zeros(self._dimension, requires_grad=True)
        optimizer = torch.optim.Adam([free], lr=_RATE)
        random = generator(self._seed, "answering scales")
        for step in range(self._steps):
            for group in optimizer.param_groups:
                group["lr"] = _RATE * (1 - step / self._steps)
            rows = torch.randint(len(wanted), (min(_BATCH, len(wanted)),), generator=random)
            middle = (first + second * self._exponents(free).exp()) / 2
            found = self._architecture.run(middle[None], self._examples[rows])[0]
            if self._classes:
                loss = functional.cross_entropy(found.flatten(0, -2), wanted[rows].flatten(0, -2))
            else:
                loss = (found - wanted[rows]).square().mean() / size
            (gradient,) = torch.autograd.grad(loss, free)
            free.grad = gradient
            optimizer.step()
        return free.detach()

    def _answers(self, theta: Parameters) -> Tensor:
        parts = [self._architecture.run(theta[None], part)[0] for part in self._examples.split(_BATCH)]
        return torch.cat(parts)

    def _exponents(self, free: Tensor) -> Tensor:
        """The exponent of each parameter, ``(P,)``."""
        row, column = self._places
        # One more for what no scale reaches.
        sums = torch.zeros(self._count + 1).index_add(0, row, self._entries * free[column])
        return sums[self._rows]


def _row_of_each(architecture: Architecture, rows: ExponentRows) -> Tensor:
    """The row of each parameter, ``(P,)``; one past the last where no scale reaches it."""
    count = rows.matrix.shape[0]
    numbers = rows.expand(np.arange(count, dtype=np.float64))
    found = [
        numbers[one.name].reshape(-1).long()
        if one.name in numbers
        else torch.full((one.stop - one.start,), count)
        for one in architecture.parameters
    ]
    return torch.cat(found)
