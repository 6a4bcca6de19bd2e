"""Reduce features of neurons to one vector per network.  Law: invariant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, final

import torch
from torch import nn

from scalegmn.graph import GraphSpec
from scalegmn.nn._invariant import ScaleInvariant
from scalegmn.nn._needs import ReadoutNeeds
from scalegmn.nn._network_sums import NetworkSums
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.registry import Registry
from scalegmn.shapes import NetworkVectors, NodeFeatures


class Readout(nn.Module, ABC):
    """Features of a batch to ``(B, width)``.

    Configurations name a readout by ``model.readout``.  One of your own is a subclass with a `name`, which
    its method :meth:`register` adds to :data:`READOUTS`.

    Law: invariant; a readout of your own has to be, so that the model is.

    Attributes:
        width: length of a network's vector.
    """

    name: ClassVar[str]
    """As written in configurations."""

    width: int

    @classmethod
    def register(cls) -> None:
        """Let configurations and saved models name this class.

        Raises:
            ConfigurationError: another class has the name.
        """
        READOUTS.register(cls.name, cls)

    @staticmethod
    @abstractmethod
    def needs(style: LayerStyle) -> ReadoutNeeds:
        """What it reads of the last state."""

    @abstractmethod
    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, state: State, neurons: Neurons) -> NetworkVectors:
        """One vector per network, ``(B, width)``."""


@final
class LastLayerReadout(Readout):
    r"""The output neurons in order.

    .. math::

        h = \big[x_o\big]_{o} \quad\text{or}\quad
        h = \big[A\,[x_o]_{o} + a,\; B\,[x_k, u_k]_{k} + b\big]

    over outputs o and, with messages in both directions, inputs k.  Networks with fewer outputs or inputs
    than the model allows are padded with zeros.

    Law: invariant, since the factors of inputs and outputs are 1.
    """

    name = "last_layer"

    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__(spec=spec, style=style)
        self.spec = spec
        width = style.features
        self.of_outputs = nn.Linear(spec.outputs * width, width) if style.bidirectional else None
        ends = spec.inputs * width * (1 + style.dual)
        self.of_inputs = nn.Linear(ends, width) if style.bidirectional else None
        self.width = 2 * width if style.bidirectional else spec.outputs * width

    @staticmethod
    def needs(style: LayerStyle) -> ReadoutNeeds:
        """Outputs, and inputs where messages reach them."""
        return ReadoutNeeds(inputs=style.bidirectional, hidden=False, duals=style.dual)

    def forward(self, state: State, neurons: Neurons) -> NetworkVectors:
        """One vector per network."""
        outputs = in_order(state.primal, neurons, neurons.outputs, self.spec.outputs)
        if self.of_outputs is None or self.of_inputs is None:
            return outputs
        features = state.primal if state.dual is None else torch.cat([state.primal, state.dual], dim=1)
        inputs = in_order(features, neurons, neurons.inputs, self.spec.inputs)
        return torch.cat([self.of_outputs(outputs), self.of_inputs(inputs)], dim=1)


@final
class FullGraphReadout(Readout):
    r"""A deep set over the invariants of all hidden neurons, beside the input and output neurons in order.

    .. math::

        h = \Big[\textstyle\sum_i \mathrm{ScaleInv}(x_i) + \mathrm{ScaleInv}(u_i),\;
            [x_k + u_k]_{k},\; [x_o]_{o}\Big]

    over hidden neurons i, inputs k and outputs o; without the terms in u in forward models.  In models
    that read networks of any width :class:`~scalegmn.nn.NetworkSums` stand in place of the sum.

    Law: invariant.
    """

    name = "full_graph"

    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__(spec=spec, style=style)
        self.spec = spec
        width = style.features
        whole, dual = style.any_width, style.dual
        assert dual or not whole, "a ModelConfig refuses this"
        self.sums = NetworkSums(layers=spec.layers, style=style) if whole else None
        self.of_hidden = None if whole else _invariant(style)
        self.of_dual = _invariant(style) if dual and not whole else None
        self.width = width * (1 + spec.inputs + spec.outputs)

    @staticmethod
    def needs(style: LayerStyle) -> ReadoutNeeds:
        """All neurons."""
        return ReadoutNeeds()

    def forward(self, state: State, neurons: Neurons) -> NetworkVectors:
        """One vector per network."""
        inputs = state.primal if state.dual is None else state.primal + state.dual
        return torch.cat(
            [
                self._hidden(state.primal, state.dual, neurons),
                in_order(inputs, neurons, neurons.inputs, self.spec.inputs),
                in_order(state.primal, neurons, neurons.outputs, self.spec.outputs),
            ],
            dim=1,
        )

    def _hidden(self, x: NodeFeatures, u: NodeFeatures | None, neurons: Neurons) -> NetworkVectors:
        """What the hidden neurons say together, ``(B, D)``."""
        if self.sums is not None and u is not None:
            whole: NetworkVectors = self.sums(x, u, neurons)
            return whole
        assert self.of_hidden is not None
        found = self.of_hidden(x[neurons.hidden], neurons.groups)
        if self.of_dual is not None and u is not None:
            found = found + self.of_dual(u[neurons.hidden], neurons.groups)
        sums = found.new_zeros(neurons.num_graphs, found.shape[1])
        return sums.index_add(0, neurons.network[neurons.hidden], found)


def _invariant(style: LayerStyle) -> ScaleInvariant:
    return ScaleInvariant(style.features, style.features, symmetrize=style.symmetrize, style=style.mlp)


def in_order(x: NodeFeatures, neurons: Neurons, rows: slice, count: int) -> NetworkVectors:
    """Features of input or output neurons side by side, ``(B, count * D)``; 0 where a network has fewer."""
    places = neurons.network[rows] * count + neurons.position[rows]
    table = x.new_zeros(neurons.num_graphs * count, x.shape[1]).index_copy(0, places, x[rows])
    return table.reshape(neurons.num_graphs, -1)


READOUTS: Final = Registry[type[Readout]](
    "readout", entries={kind.name: kind for kind in (LastLayerReadout, FullGraphReadout)}
)
"""Readouts, by the names that configurations have for them."""
