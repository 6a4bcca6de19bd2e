"""The hidden channels of networks, and taking them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.graph import GraphLayout, layout_of
from scalegmn.networks import Architecture, EdgeType, Parameter, Role

_NOBODY: Final = -1
_SEVERAL: Final = -2


@final
@dataclass(frozen=True, eq=False)
class Channels:
    """Which parameters belong to each of the U hidden channels (or neurons) of an architecture.

    A channel is what one row of a matrix or kernel writes, with the norm behind it.  The norm of a sum of
    several channels belongs to none.

    Attributes:
        weights: the matrices and kernels whose rows write channels, in the order of the flat vector.
        layer: which of the weights writes each channel, ``(U,)``.
        normed: which channels have a gain behind them, as batch norm has one, ``(U,)``.
        incoming: for every parameter, the channel that it makes, or U, ``(P,)``: rows, biases, means, gains.
        outgoing: for every parameter, the channel that it reads, or U, ``(P,)``.
        factor: for every parameter, the channel whose size it decides, or U, ``(P,)``: the gain of a norm;
            the row where there is none.
        shift: for every parameter, the channel that it is added to behind its factor, or U, ``(P,)``.
        divisor: for every parameter, the channel that it divides, or U, ``(P,)``: deviations.
    """

    weights: tuple[Parameter, ...]
    layer: Tensor
    normed: Tensor
    incoming: Tensor
    outgoing: Tensor
    factor: Tensor
    shift: Tensor
    divisor: Tensor

    @property
    def count(self) -> int:
        """U."""
        return len(self.layer)

    def spread(self, values: Tensor, places: Tensor) -> Tensor:
        """One of the values ``(B, U)`` for every parameter, by one of the fields ``(P,)``; 1 elsewhere."""
        padded = torch.cat([values, values.new_ones(len(values), 1)], dim=1)
        return padded[:, places.to(values.device)]

    def product(self, theta: Tensor, places: Tensor) -> Tensor:
        """The product of the sizes of each channel's parameters ``(B, U)``, by one of the fields ``(P,)``."""
        start = theta.new_ones(len(theta), self.count + 1)
        index = places.to(theta.device).expand(len(theta), -1)
        return start.scatter_reduce(1, index, theta.abs(), "prod")[:, :-1]

    def prune(self, theta: Tensor, gone: Tensor) -> Tensor:
        """Networks ``(B, P)`` without some channels.

        Everything that makes a channel is zero, and everything that reads it alone.  With activations that
        are zero at zero a channel also stays out in later training, as no gradient reaches it.  What is added
        to a channel on its way, by a skip connection, still feeds it.

        Args:
            theta: ``(B, P)``; not changed.
            gone: which channels, ``(B, U)`` bool.
        """
        kept = (~gone).to(theta)
        factor = self.spread(kept, self.incoming) * self.spread(kept, self.outgoing)
        return torch.where(factor == 0, torch.zeros_like(theta), theta)


@lru_cache(maxsize=256)
def channels_of(architecture: Architecture) -> Channels:
    """The hidden channels of an architecture, weight by weight.  Cached; do not write into its tensors.

    Raises:
        GraphError: its graph is too large.
    """
    flow = _Flow(architecture, layout_of(architecture))
    rows, gains, divisors = flow.taps(flow.of_matrix), flow.taps(flow.is_gain), flow.taps(flow.is_divisor)
    normed = torch.zeros(flow.count, dtype=torch.bool)
    normed[flow.label[flow.source[gains]]] = True
    # Several gains in a row count as one: each of them decides the size.
    behind = flow.follows(flow.target[gains])
    biased = flow.biased
    shifting = biased[~normed[flow.label[biased]] | behind[biased]]
    written, read = flow.label[flow.target[rows]], flow.label[flow.source[rows]]
    own = (flow.parameter[rows], written)
    norm = (flow.parameter[gains], flow.label[flow.source[gains]])
    plain = (written < 0) | ~normed[written.clamp_min(0)] if flow.count else written < 0
    incoming = flow.owners([own, norm, (flow.bias[biased], flow.label[biased])])
    weights = flow.weights
    starts = torch.tensor([one.start for one in weights])
    layer = torch.searchsorted(starts, flow.first, right=True) - 1
    return Channels(
        weights=weights,
        layer=layer,
        normed=normed,
        incoming=incoming,
        outgoing=flow.owners([(flow.parameter[rows], read)]),
        factor=flow.owners([(own[0][plain], own[1][plain]), norm]),
        shift=flow.owners([(flow.bias[shifting], flow.label[shifting])]),
        divisor=flow.owners([(flow.parameter[divisors], flow.label[flow.source[divisors]])]),
    )


@final
class _Flow:
    """Which hidden channel every node of a graph comes from, if from one alone.

    Attributes:
        parameter, source, target: of every tap that is a parameter, ``(T,)``.
        bias: of every node, or less than 0, ``(V,)``.
        label: channel of every node, or less than 0, ``(V,)``.
        first: the first parameter of the row of every channel, ``(U,)``, ascending.
        weights: matrices and kernels with hidden channels.
    """

    def __init__(self, architecture: Architecture, layout: GraphLayout) -> None:
        self._size: Final = architecture.num_parameters
        graph = layout.structure
        self._ends: Final = graph["edge_index"]
        self._layer: Final = graph["node_layer"]
        matrix = torch.zeros(self._size + 1, dtype=torch.bool)
        matrices = [one for one in architecture.parameters if len(one.shape) > 1]
        for one in matrices:
            matrix[one.start : one.stop] = True
        of_edge = torch.arange(layout.num_edges).repeat_interleave(graph["edge_kernel"].prod(dim=1))
        real = layout.tap_parameter >= 0
        edge, self.parameter = of_edge[real], layout.tap_parameter[real]
        self.source, self.target = self._ends[:, edge]
        reciprocal = layout.tap_reciprocal
        self._reciprocal: Final = torch.zeros_like(real)[real] if reciprocal is None else reciprocal[real]
        backward = graph["edge_type"] == int(EdgeType.divisor)
        self._backward: Final = backward[edge]
        self.of_matrix: Final = matrix[self.parameter]
        writes = torch.zeros(layout.num_edges, dtype=torch.bool)
        writes[edge[self.of_matrix]] = True
        # Along these a channel goes on: norms, activations, sums.
        self._along: Final = torch.nonzero(~writes & ~backward).flatten()
        self._depth: Final = int(self._layer.max()) + 1 if len(self._layer) else 0
        self.first, writers = self._writers(layout, graph["node_role"])
        self.label: Final = self._labels(writers)
        self.bias: Final = layout.bias_parameter
        self.weights: Final = tuple(
            one for one in matrices if bool(((self.first >= one.start) & (self.first < one.stop)).any())
        )

    @property
    def count(self) -> int:
        """U."""
        return len(self.first)

    @property
    def biased(self) -> Tensor:
        """Nodes with a bias that belong to one channel."""
        return torch.nonzero((self.bias >= 0) & (self.label >= 0)).flatten()

    @property
    def is_gain(self) -> Tensor:
        """Taps that multiply one channel."""
        return ~self.of_matrix & ~self._backward & ~self._reciprocal & (self.label[self.source] >= 0)

    @property
    def is_divisor(self) -> Tensor:
        """Taps that divide one channel."""
        return ~self.of_matrix & self._reciprocal & (self.label[self.source] >= 0)

    def taps(self, chosen: Tensor) -> Tensor:
        """Numbers of some taps."""
        return torch.nonzero(chosen).flatten()

    def follows(self, nodes: Tensor) -> Tensor:
        """Some nodes, and those reached from them before another weight is, ``(V,)`` bool."""
        found = torch.zeros(len(self.label), dtype=torch.bool)
        found[nodes] = True
        for source, target in self._steps():
            found[target] |= found[source]
        return found

    def owners(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        """For every parameter its channel, or U where it has none or several, ``(P,)``.

        Args:
            pairs: parameters, and channels or less than 0.
        """
        places, owners = (torch.cat([pair[side] for pair in pairs]) for side in (0, 1))
        low = torch.full((self._size,), self.count).scatter_reduce(0, places, owners, "amin")
        high = torch.full((self._size,), _SEVERAL).scatter_reduce(0, places, owners, "amax")
        return torch.where((low == high) & (low >= 0), low, self.count)

    def _writers(self, layout: GraphLayout, role: Tensor) -> tuple[Tensor, Tensor]:
        """The first parameters of hidden rows, ascending, and the nodes that they write."""
        first = torch.full((layout.num_nodes,), self._size)
        first = first.scatter_reduce(0, self.target[self.of_matrix], self.parameter[self.of_matrix], "amin")
        shown = role == int(Role.output)
        for source, target in reversed(self._steps()):
            # What an output is made of without another weight is no hidden channel.
            shown[source[shown[target]]] = True
        nodes = torch.nonzero((first < self._size) & ~shown).flatten()
        order = first[nodes].argsort()
        return first[nodes][order], nodes[order]

    def _labels(self, writers: Tensor) -> Tensor:
        label = torch.full((len(self._layer),), _NOBODY)
        label[writers] = torch.arange(len(writers))
        fixed = label >= 0
        for source, target in self._steps():
            known = label[source] != _NOBODY
            source, target = source[known & ~fixed[target]], target[known & ~fixed[target]]
            several = torch.full_like(label, _SEVERAL)
            high = several.scatter_reduce(0, target, label[source], "amax", include_self=False)
            low = several.scatter_reduce(0, target, label[source], "amin", include_self=False)
            label[target] = torch.where(low == high, high, _SEVERAL)[target]
        return label

    def _steps(self) -> list[tuple[Tensor, Tensor]]:
        """Edges along which channels go on, by the layer of their ends; a layer's come from those before."""
        source, target = self._ends[:, self._along]
        layer = self._layer[target]
        return [
            (source[layer == number], target[layer == number])
            for number in range(self._depth)
            if bool((layer == number).any())
        ]
