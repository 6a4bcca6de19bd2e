"""From features of nodes to one vector per network.  Law: invariant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import nn

from scalegmn.graph import GraphSpec
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.invariant import ScaleInvariant
from scalegmn.nn.segments import Incidence
from scalegmn.nn.state import State
from scalegmn.nn.steps import Wanted
from scalegmn.nn.style import LayerStyle
from scalegmn.shapes import NetworkVectors, NodeFeatures


class Readout(nn.Module, ABC):
    """Features of a batch to ``(B, width)``.

    Attributes:
        width: length of a network's vector.
    """

    width: int

    @staticmethod
    @abstractmethod
    def wanted(style: LayerStyle) -> Wanted:
        """What it reads of the last state."""

    @abstractmethod
    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, state: State, at: Arrangement) -> NetworkVectors:
        """One vector per network, ``(B, width)``."""


@final
class LastLayerReadout(Readout):
    """The output neurons in order; with messages in both directions, a projection of them and of the inputs.

    Networks with fewer outputs or inputs than the model allows are filled up with zeros.
    """

    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__(spec=spec, style=style)
        self.spec = spec
        width = style.features
        self.of_outputs = nn.Linear(spec.outputs * width, width) if style.bidirectional else None
        ends = spec.inputs * width * (1 + style.dual)
        self.of_inputs = nn.Linear(ends, width) if style.bidirectional else None
        self.width = 2 * width if style.bidirectional else spec.outputs * width

    @staticmethod
    def wanted(style: LayerStyle) -> Wanted:
        """See :class:`Readout`."""
        return Wanted(inputs=style.bidirectional, hidden=False, duals=style.dual)

    def forward(self, state: State, at: Arrangement) -> NetworkVectors:
        """See the class."""
        outputs = in_order(state.primal, at, at.outputs, self.spec.outputs)
        if self.of_outputs is None or self.of_inputs is None:
            return outputs
        features = state.primal if state.dual is None else torch.cat([state.primal, state.dual], dim=1)
        inputs = in_order(features, at, at.inputs, self.spec.inputs)
        return torch.cat([self.of_outputs(outputs), self.of_inputs(inputs)], dim=1)


@final
class FullGraphReadout(Readout):
    """A deep set over the invariants of all hidden neurons, beside the input and output neurons in order."""

    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__(spec=spec, style=style)
        self.spec = spec
        width = style.features
        self.of_hidden = ScaleInvariant(width, width, symmetrise=style.symmetrise, style=style.mlp)
        self.of_dual = (
            ScaleInvariant(width, width, symmetrise=style.symmetrise, style=style.mlp) if style.dual else None
        )
        self.width = width * (1 + spec.inputs + spec.outputs)

    @staticmethod
    def wanted(style: LayerStyle) -> Wanted:
        """See :class:`Readout`."""
        return Wanted()

    def forward(self, state: State, at: Arrangement) -> NetworkVectors:
        """See the class."""
        hidden = self.of_hidden(state.primal[at.hidden], at.hidden_rows)
        if self.of_dual is not None and state.dual is not None:
            hidden = hidden + self.of_dual(state.dual[at.hidden], at.hidden_rows)
        networks = Incidence(at.network[at.hidden], at.num_graphs)
        inputs = state.primal if state.dual is None else state.primal + state.dual
        return torch.cat(
            [
                networks.sum(hidden),
                in_order(inputs, at, at.inputs, self.spec.inputs),
                in_order(state.primal, at, at.outputs, self.spec.outputs),
            ],
            dim=1,
        )


def in_order(x: NodeFeatures, at: Arrangement, nodes: slice, count: int) -> NetworkVectors:
    """The features of labelled nodes side by side, ``(B, count * D)``; zeros where a network has fewer."""
    position = at.nodes(at.structure.node_position)[nodes]
    rows = at.network[nodes] * count + position
    table = x.new_zeros(at.num_graphs * count, x.shape[1]).index_copy(0, rows, x[nodes])
    return table.reshape(at.num_graphs, -1)
