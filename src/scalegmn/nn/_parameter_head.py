"""From features back to one number per parameter of the network that was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import nn

from scalegmn.nn._neurons import Neurons
from scalegmn.nn._state import State
from scalegmn.nn._taps import TapBlock, TapDecoder
from scalegmn.shapes import NodeScalars, TapScalars


@final
class ParameterHead(nn.Module):
    r"""Updates of weights and biases.

    .. math::

        \Delta w_{ij,t} = \langle \psi(p_t),\, e_{ij} \rangle / \sqrt{D}, \qquad
        \Delta b_i = \langle v,\, x_i \rangle

    with an additional constant in the latter for output neurons only.  Inputs have no bias and get 0.

    Args:
        features: D.
        hidden: width of the MLP in :math:`\psi`.

    Law: each update has the law of its parameter.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        self.taps = TapDecoder(features=features, hidden=hidden)
        self.of_hidden = nn.Linear(features, 1, bias=False)
        self.of_outputs = nn.Linear(features, 1)

    def forward(
        self, state: State, neurons: Neurons, blocks: Sequence[TapBlock]
    ) -> tuple[TapScalars, NodeScalars]:
        """Updates of weights ``(T,)`` and of biases ``(V,)``, in the order of the graph.

        Args:
            state: features of all neurons, and of all edges in the order of the graph.
            neurons: the rows of the former.
            blocks: the taps of the latter.
        """
        inputs, hidden, outputs = neurons.split(state.primal)
        biases = torch.cat(
            [inputs.new_zeros(len(inputs), 1), self.of_hidden(hidden), self.of_outputs(outputs)]
        )
        return self.taps(state.edges, blocks), neurons.restore(biases.squeeze(1))
