"""Statistics of the weights of every layer that no symmetry of the network changes.

Statistics of plain weights (Unterthiner et al. 2020) say much about how a network was trained, but they
change when a neuron is rescaled.  Here every neuron is first brought to size 1, as
:func:`scalegmn.symmetry.canonicalize_scale` does, and where neurons have free signs only sizes count.
"""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.graph.spec import GraphSpec
from scalegmn.networks.topology import EdgeKind, Role
from scalegmn.nn.mlp import MLP, MLPStyle
from scalegmn.nn.standardise import Standardise
from scalegmn.shapes import NetworkVectors, NodeScalars, TapScalars
from scalegmn.symmetry.groups import SCALE_BIT, SIGN_BIT

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
PER_SET = 2 + len(QUANTILES)
"""Numbers per set of values: mean, deviation, quantiles."""
SETS_PER_LAYER = 4
"""Weights with their signs, sizes of weights, biases with their signs, sizes of biases."""


@final
class WeightStatistics(nn.Module):
    """Layer by layer statistics of canonical weights and biases, through a perceptron, ``(B, outputs)``.

    Args:
        spec: limits of the networks.
        outputs: width of the result.
        symmetric: whether the groups of the neurons count; False takes the statistics of plain weights.
        style: of the perceptron.

    Law: invariant.
    """

    def __init__(self, *, spec: GraphSpec, outputs: int, symmetric: bool, style: MLPStyle) -> None:
        super().__init__()
        self.spec, self.symmetric = spec, symmetric
        width = (spec.layers + 1) * SETS_PER_LAYER * PER_SET
        self.standardise = Standardise(width)
        self.perceptron = MLP(width, outputs, style=style)

    def fit(self, graph: NetworkGraph) -> None:
        """Take mean and deviation of every statistic from the networks of `graph`."""
        self.standardise.fit(self.statistics(graph))

    def forward(self, graph: NetworkGraph) -> NetworkVectors:
        """A network or a batch to ``(B, outputs)``."""
        vectors: Tensor = self.perceptron(self.standardise(self.statistics(graph)))
        return vectors

    def statistics(self, graph: NetworkGraph) -> NetworkVectors:
        """The statistics themselves, ``(B, (layers + 1) * 28)``; zeros for layers that a network lacks.

        Output neurons stand in the last place, however deep the network is.
        """
        weight, bias = canonical_parameters(graph, symmetric=self.symmetric)
        slots = self._slots(graph)
        target = graph.edge_index[1].repeat_interleave(graph.edge_taps)
        learned = (graph.edge_kind != int(EdgeKind.SKIP)).repeat_interleave(graph.edge_taps)
        biased = graph.node_role != int(Role.INPUT)
        count = graph.num_graphs * (self.spec.layers + 1)
        free = _free_signs(graph) if self.symmetric else torch.zeros_like(biased)
        source = graph.edge_index[0].repeat_interleave(graph.edge_taps)
        signless = free[source] | free[target]
        sets = [
            _statistics(torch.where(signless, weight.abs(), weight)[learned], slots[target][learned], count),
            _statistics(weight.abs()[learned], slots[target][learned], count),
            _statistics(torch.where(free, bias.abs(), bias)[biased], slots[biased], count),
            _statistics(bias.abs()[biased], slots[biased], count),
        ]
        return torch.cat(sets, dim=1).reshape(graph.num_graphs, -1).to(graph.tap_weight)

    def _slots(self, graph: NetworkGraph) -> Tensor:
        """Of every neuron the number of its layer among those of all networks, ``(V,)``."""
        last = graph.node_role == int(Role.OUTPUT)
        layer = torch.where(last, self.spec.layers, (graph.node_layer - 1).clamp_min(0))
        network = graph._store["batch"] if "batch" in graph else torch.zeros_like(layer)
        return network * (self.spec.layers + 1) + layer


def canonical_parameters(graph: NetworkGraph, *, symmetric: bool = True) -> tuple[TapScalars, NodeScalars]:
    """Weights and biases after every neuron that scales was brought to size 1, in float64.

    The size of a neuron is the norm of its incoming weights, times the sizes of their sources, and of its
    bias.  Neurons of size 0 give and take nothing: all that concerns them becomes 0.

    Law: invariant under positive scales; the signs of both ends of a weight, and of a neuron, remain.

    Args:
        graph: a network or a batch.
        symmetric: False leaves all sizes as they are.
    """
    weight, bias = graph.tap_weight.double(), graph.node_bias.double()
    if not symmetric:
        return weight, bias
    taps = graph.edge_taps
    source, target = (ends.repeat_interleave(taps) for ends in graph.edge_index)
    scales = (graph.node_group & SCALE_BIT) != 0
    degree, size = graph.node_degree.double(), torch.ones_like(bias)
    for layer in range(1, int(graph.node_layer.max()) + 1):
        # Layers are few.  What a neuron of this layer receives comes from layers that are done.
        incoming = (graph.node_layer == layer)[target] & scales[target]
        squares = torch.zeros_like(bias).index_add(
            0, target[incoming], (weight[incoming] * (size**degree)[source[incoming]]).square()
        )
        found = (squares + bias.square()).sqrt()
        size = torch.where((graph.node_layer == layer) & scales, found, size)
    divisor = torch.where(size > 0, size, torch.inf)
    return weight * (size**degree)[source] / divisor[target], bias / divisor


def _free_signs(graph: NetworkGraph) -> Tensor:
    """Which neurons may change sign, ``(V,)``."""
    return (graph.node_group & SIGN_BIT) != 0


def _statistics(values: Float[Tensor, " n"], sets: Int[Tensor, " n"], count: int) -> Float[Tensor, "count 7"]:
    """Mean, deviation and quantiles of each of `count` sets of values; 0 for empty ones."""
    order = values.argsort()
    order = order[sets[order].argsort(stable=True)]
    values, sets = values[order], sets[order]
    sizes = torch.bincount(sets, minlength=count)
    divisor = sizes.clamp_min(1).to(values)
    mean = values.new_zeros(count).index_add(0, sets, values) / divisor
    variance = values.new_zeros(count).index_add(0, sets, (values - mean[sets]).square()) / divisor
    # Quantiles between two values are interpolated.
    place = values.new_tensor(QUANTILES) * (sizes - 1).clamp_min(0).unsqueeze(1)
    start = (sizes.cumsum(0) - sizes).unsqueeze(1)
    last = max(len(values) - 1, 0)
    below = values[(start + place.floor().long()).clamp_max(last)]
    above = values[(start + place.ceil().long()).clamp_max(last)]
    quantiles = torch.lerp(below, above, place - place.floor())
    deviation = variance.clamp_min(torch.finfo(values.dtype).tiny).sqrt()
    found = torch.cat([mean.unsqueeze(1), deviation.unsqueeze(1), quantiles], dim=1)
    return torch.where(sizes.unsqueeze(1) > 0, found, 0)
