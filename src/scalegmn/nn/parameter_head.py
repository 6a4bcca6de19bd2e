"""From features back to one number per parameter of the network that was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import nn

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.factored import multiplied
from scalegmn.nn.state import State
from scalegmn.nn.taps import TapBlock, TapDecoder
from scalegmn.shapes import NodeScalars, TapScalars


@final
class ParameterHead(nn.Module):
    """``dw_ij,t = <psi(p_t), e_ij>`` and ``db_i = <v, x_i>``, with a bias in the latter for outputs only.

    Args:
        features: D.
        hidden: width of the MLP in psi.

    Law: each update has the law of its parameter.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        self.taps = TapDecoder(features=features, hidden=hidden)
        self.of_hidden = nn.Linear(features, 1, bias=False)
        self.of_outputs = nn.Linear(features, 1)

    def forward(
        self, state: State, at: Arrangement, blocks: Sequence[TapBlock]
    ) -> tuple[TapScalars, NodeScalars]:
        """Updates of weights ``(T,)`` and of biases ``(V,)``, in the order of the graph."""
        taps = self.taps(at.restore_edges(multiplied(state.edges)), blocks)
        x = state.primal
        biases = torch.cat(
            [x.new_zeros(at.hidden.start, 1), self.of_hidden(x[at.hidden]), self.of_outputs(x[at.outputs])]
        )
        return taps, at.restore_nodes(biases.squeeze(1))
