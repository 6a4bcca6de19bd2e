"""From features back to one number per parameter of the network that was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from scalegmn.nn._neurons import Neurons
from scalegmn.nn._state import State
from scalegmn.nn._taps import TapBlock, TapDecoder, deal_out
from scalegmn.shapes import CopiesOfNodes, CopiesOfTaps


@final
class ParameterHead(nn.Module):
    r"""Updates of weights and biases.

    .. math::

        \Delta w_{ij,t} = \langle \psi(p_t),\, e_{ij} \rangle / \sqrt{D}, \qquad
        \Delta b_i = \langle v,\, x_i \rangle

    with an additional constant in the latter for output neurons only.  Inputs have no bias and get 0.
    For k networks that are written, each update is made from its own part of all features
    (:class:`~scalegmn.nn._taps.TapDecoder`), with as many parameters as for one.

    Args:
        features: D.
        hidden: width of the MLP in :math:`\psi`.
        copies: k, a divisor of D.

    Law: each update has the law of its parameter.
    """

    def __init__(self, *, features: int, hidden: int, copies: int = 1) -> None:
        super().__init__()
        self.copies = copies
        self.taps = TapDecoder(features=features, hidden=hidden, copies=copies)
        self.of_hidden = nn.Linear(features, 1, bias=False)
        self.of_outputs = nn.Linear(features, 1)

    def forward(
        self, state: State, neurons: Neurons, blocks: Sequence[TapBlock]
    ) -> tuple[CopiesOfTaps, CopiesOfNodes]:
        """Updates of weights ``(k, T)`` and of biases ``(k, V)``, in the order of the graph.

        Args:
            state: features of all neurons, and of all edges in the order of the graph.
            neurons: the rows of the former.
            blocks: the taps of the latter.
        """
        inputs, hidden, outputs = neurons.split(state.primal)
        biases = torch.cat(
            [
                inputs.new_zeros(len(inputs), self.copies),
                self._products(hidden, self.of_hidden.weight),
                self._products(outputs, self.of_outputs.weight) + self.of_outputs.bias,
            ]
        )
        return self.taps(state.edges, blocks), neurons.restore(biases).T

    def _products(self, features: Tensor, weight: Tensor) -> Tensor:
        """Scalar products with the weight ``(1, D)``, of each part by itself, ``(n, k)``."""
        products = deal_out(features, self.copies) @ deal_out(weight, self.copies).mT
        return products.squeeze(2).T
