"""The mean of what several models say, each as much as it is worth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scalegmn.configuration import Count

# Shares are multiples of one of so many.
_STEPS: Final = 4


@final
class PartMixture(nn.Module):
    """``sum_i share_i * answer_i``, with shares that are chosen, not learned (stacking: Breiman 1996).

    A part that memorizes its training networks looks better there than it is, so what it is worth beside the
    others is found on networks that none of them has learned from (:meth:`settle`).  Before, all shares are
    equal.

    Args:
        parts: how many.

    Law: what holds for every answer holds for the mean.
    """

    shares: Tensor

    def __init__(self, parts: Count) -> None:
        super().__init__()
        self.register_buffer("shares", torch.full((parts,), 1 / parts))

    def forward(self, *answers: Float[Tensor, "networks outputs"]) -> Float[Tensor, "networks outputs"]:
        """``(B, outputs)`` of each part to ``(B, outputs)``."""
        together = torch.stack(answers)
        return torch.einsum("p,pno->no", self.shares.to(together), together)

    @torch.no_grad()
    def settle(self, judge: Callable[[], float]) -> None:
        """Choose the shares with the lowest loss; they stay as they are where no others are better.

        Args:
            judge: the loss of the whole model as it is, on networks that it did not learn from.
        """
        best, lowest = self.shares.clone(), judge()
        for candidate in _mixtures(len(best)):
            self.shares.copy_(torch.tensor(candidate))
            loss = judge()
            if loss < lowest:
                best, lowest = self.shares.clone(), loss
        self.shares.copy_(best)


def _mixtures(parts: int) -> Iterator[tuple[float, ...]]:
    """All shares that are multiples of a quarter."""
    for counts in itertools.product(range(_STEPS + 1), repeat=parts):
        if sum(counts) == _STEPS:
            yield tuple(count / _STEPS for count in counts)
