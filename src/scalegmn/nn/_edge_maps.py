"""The linear maps of the edge features of one layer, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn


@final
@dataclass(frozen=True, eq=False)
class EdgeWeights:
    """``W_2`` of the messages in each direction and ``W_3`` of the edge update, each ``(F, D)``.

    Attributes:
        forward: of messages along the edges.
        backward: of messages against the edges; ``(0, D)`` in forward layers.
        update: of the edge update; ``(0, D)`` in layers that write no edges.
    """

    forward: Tensor
    backward: Tensor
    update: Tensor


@final
class EdgeMaps(nn.Linear):
    """The :class:`EdgeWeights` of a layer, stacked in one matrix so that one product can apply all of them.

    Args:
        features: D.
        outputs: F, the width that each of them maps to.
        backward: whether there are messages against the edges.
        update: whether edges are updated.

    Attributes:
        rows: rows of the matrix that belong to each of them.
        writes: whether edges are updated.

    Law: that of the edge features, since there is no bias.
    """

    def __init__(self, features: int, outputs: int, *, backward: bool, update: bool) -> None:
        super().__init__(features, outputs * (1 + backward + update), bias=False)
        self.rows = [outputs, outputs * backward, outputs * update]
        self.writes = update

    def by_name(self) -> EdgeWeights:
        """Views of the matrix."""
        forward, backward, update = self.weight.split(self.rows)
        return EdgeWeights(forward, backward, update)
