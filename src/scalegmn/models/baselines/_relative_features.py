"""Features beside the same ones, compared with those of networks that are built alike."""

from __future__ import annotations

from typing import Final, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from scalegmn.configuration import Count

# Fewer networks of a design than these say little about others.
_FEWEST: Final = 8
# What lies farther out says no more.
_FARTHEST: Final = 10.0
# Of the deviation over all networks, what a deviation among those built alike has at least.
_LEAST: Final = 1e-3
_ROUNDING: Final = 1e-9


@final
class RelativeFeatures(nn.Module):
    r"""Features ``x``, and the same ones in units of networks that are built alike.

    .. math:: x \mapsto \Big(x,\ \frac{x - m_d}{s_d}\Big)

    with the median and the standard deviation of each feature over training networks of the design `d`, cut
    off at 10.  How easily a class is reached depends on how a network is built; how much more easily than in
    others of its kind does so less.  Designs of which no more than a few training networks are known have the
    constants of all.

    Args:
        designs: D, of the training networks.
        width: F, features of a network.

    Shapes: ``(B, 1 + F)``, the number of the design first, -1 for others, to ``(B, 2 F)`` in float64.
    """

    middle: Tensor
    """``(D + 1, F)``; the last row is of all training networks."""
    spread: Tensor

    def __init__(self, *, designs: Count, width: Count) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(designs + 1, width))
        self.register_buffer("spread", torch.ones(designs + 1, width))

    @property
    def size(self) -> int:
        """Numbers that are returned for a network."""
        return 2 * self.middle.shape[1]

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "N one_F"], *, counted: Bool[Tensor, "N"]) -> None:
        """Take the constants from training networks.

        Args:
            features: of all of them.
            counted: those that the others are compared with.
        """
        numbers, values = features[counted, 0], features[counted, 1:].double()
        middle, spread = _moments(values)
        # Numbers that are the same for all have no unit; rounding leaves them a deviation.
        varies = spread > _ROUNDING * middle.abs().clamp_min(1.0)
        for number in range(len(self.middle)):
            own = values[numbers == number]
            found = _moments(own) if len(own) >= _FEWEST else (middle, spread)
            self.middle[number] = found[0]
            self.spread[number] = torch.where(varies, found[1] + _LEAST * spread, 1.0)

    def forward(self, features: Float[Tensor, "B one_F"]) -> Float[Tensor, "B two_F"]:
        own = features[:, 0].long()
        own = torch.where(own < 0, len(self.middle) - 1, own)
        values = features[:, 1:].double()
        # In float64 whatever the constants are stored in: trees meet the numbers they were grown from.
        relative = (values - self.middle[own].double()) / self.spread[own].double()
        return torch.cat([values, relative.clamp(-_FARTHEST, _FARTHEST)], dim=1)


def _moments(values: Float[Tensor, "n F"]) -> tuple[Float[Tensor, "F"], Float[Tensor, "F"]]:
    return values.median(0).values, values.std(0, correction=0)
