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

from scalegmn.graph import AnyGraph, GraphSpec, Structure
from scalegmn.networks import EdgeType, Role
from scalegmn.nn._mlp import MLP, MLPStyle
from scalegmn.nn._old_names import load_old_names
from scalegmn.nn._quantiles import row_quantiles
from scalegmn.nn._standardize import Standardize
from scalegmn.shapes import NetworkVectors, NodeScalars, TapScalars
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
PER_SET = 2 + len(QUANTILES)
"""Numbers per set of values: mean, deviation, quantiles."""
SETS_PER_LAYER = 4
"""Weights with their signs, sizes of weights, biases with their signs, sizes of biases."""


@final
class WeightStatistics(nn.Module):
    """Layer by layer statistics of canonical weights and biases, through an MLP, ``(B, outputs)``.

    Args:
        spec: limits of the networks.
        outputs: width of the result.
        symmetric: whether the groups of the neurons count; False takes the statistics of plain weights.
        style: of the MLP.

    Law: invariant.
    """

    def __init__(self, *, spec: GraphSpec, outputs: int, symmetric: bool, style: MLPStyle) -> None:
        super().__init__()
        self.spec, self.symmetric = spec, symmetric
        self.size = statistics_size(spec)
        self.standardize = Standardize(self.size)
        self.mlp = MLP(self.size, outputs, style=style)
        load_old_names(self)

    def fit(self, graph: AnyGraph) -> None:
        """Take mean and deviation of every statistic from the networks of `graph`."""
        self.standardize.fit(self.statistics(graph))

    def forward(self, graph: AnyGraph) -> NetworkVectors:
        """A network or a batch to ``(B, outputs)``."""
        vectors: Tensor = self.mlp(self.standardize(self.statistics(graph)))
        return vectors

    def statistics(self, graph: AnyGraph) -> NetworkVectors:
        """The statistics themselves, see :func:`weight_statistics`."""
        return weight_statistics(graph, spec=self.spec, symmetric=self.symmetric)


def weight_statistics(graph: AnyGraph, *, spec: GraphSpec, symmetric: bool = True) -> NetworkVectors:
    """Statistics of the weights and biases of every layer, ``(B, (layers + 1) * 28)``; 0 for missing layers.

    Output neurons stand in the last place, however deep the network is.  Law: invariant.

    Args:
        graph: a network or a batch.
        spec: limits of the networks.
        symmetric: whether the groups of the neurons count; False takes the statistics of plain weights.

    Raises:
        GraphError: a network is larger than the limits.
    """
    spec.check(Structure.from_graph(graph))
    weight, bias = canonical_parameters(graph, symmetric=symmetric)
    source, target = (ends.repeat_interleave(graph.edge_taps) for ends in graph.edge_index)
    free = _free_signs(graph) if symmetric else torch.zeros_like(graph.node_role, dtype=torch.bool)
    slots, count = _slots(graph, layers=spec.layers), graph.num_graphs * (spec.layers + 1)
    learned = (graph.edge_type != int(EdgeType.skip)).repeat_interleave(graph.edge_taps)
    biased = graph.node_role != int(Role.input)
    found = []
    for values, signless, slot, chosen in (
        (weight, free[source] | free[target], slots[target], learned),
        (bias, free, slots, biased),
    ):
        sets, own = _Sets(slot[chosen], count), values[chosen]
        sizes = own.abs()
        found += [sets.statistics(torch.where(signless[chosen], sizes, own)), sets.statistics(sizes)]
    return torch.cat(found, dim=1).reshape(graph.num_graphs, -1).to(graph.tap_weight)


def statistics_size(spec: GraphSpec) -> int:
    """How many numbers :func:`weight_statistics` makes of a network."""
    return (spec.layers + 1) * SETS_PER_LAYER * PER_SET


def _slots(graph: AnyGraph, *, layers: int) -> Tensor:
    """The index of every neuron's layer among the layers of all networks, ``(V,)``."""
    last = graph.node_role == int(Role.output)
    layer = torch.where(last, layers, (graph.node_layer - 1).clamp_min(0))
    return graph.node_network * (layers + 1) + layer


def canonical_parameters(graph: AnyGraph, *, symmetric: bool = True) -> tuple[TapScalars, NodeScalars]:
    """Weights and biases after every neuron that scales was brought to size 1, in float64.

    The size of a neuron is the norm of its incoming weights, times the sizes of their sources, of its bias,
    and of the products of sizes that it is a sum of.  Neurons of size 0 give and take nothing: all that
    concerns them becomes 0.

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
    # Divisors stand on edges that run against the network.
    along = (graph.edge_type != int(EdgeType.divisor)).repeat_interleave(taps)
    first, second, product = graph.product_index
    degree, size = graph.node_degree.double(), torch.ones_like(bias)
    for layer in range(1, int(graph.node_layer.max()) + 1):
        # Layers are few.  What a neuron of this layer receives comes from layers that are done.
        here = (graph.node_layer == layer) & scales
        incoming = here[target] & along
        squares = torch.zeros_like(bias).index_add(
            0, target[incoming], (weight[incoming] * (size**degree)[source[incoming]]).square()
        )
        made = here[product]
        squares = squares.index_add(0, product[made], (size[first[made]] * size[second[made]]).square())
        size = torch.where(here, (squares + bias.square()).sqrt(), size)
    divisor = torch.where(size > 0, size, torch.inf)
    return weight * (size**degree)[source] / divisor[target], bias / divisor


def _free_signs(graph: AnyGraph) -> Tensor:
    """Which neurons may change sign, ``(V,)``."""
    return (graph.node_group & SIGN_BIT) != 0


@final
class _Sets:
    """Which of `count` sets each of n values belongs to.

    Sets of one size stand side by side as the rows of a matrix, so that no value is compared with those of
    another set.

    Args:
        sets: the set of every value, ``(n,)``.
        count: number of sets; some may be empty.
    """

    def __init__(self, sets: Int[Tensor, " n"], count: int) -> None:
        sizes = torch.bincount(sets, minlength=count)
        self._order = (sizes[sets] * count + sets).argsort(stable=True)
        self._rows = sizes.argsort(stable=True)
        found, repeats = torch.unique_consecutive(sizes[self._rows], return_counts=True)
        self._runs = list(zip(found.tolist(), repeats.tolist(), strict=True))

    def statistics(self, values: Float[Tensor, " n"]) -> Float[Tensor, "count 7"]:
        """Mean, deviation and quantiles of each set; 0 for empty ones."""
        lengths = [size * repeats for size, repeats in self._runs]
        found = [
            _statistics(part.reshape(repeats, size)) if size else values.new_zeros(repeats, PER_SET)
            for part, (size, repeats) in zip(values[self._order].split(lengths), self._runs, strict=True)
        ]
        joined = torch.cat(found)
        return torch.empty_like(joined).index_copy(0, self._rows, joined)


def _statistics(rows: Float[Tensor, "n m"]) -> Float[Tensor, "n 7"]:
    mean = rows.mean(1, keepdim=True)
    variance = (rows - mean).square().mean(1, keepdim=True)
    deviation = variance.clamp_min(torch.finfo(rows.dtype).tiny).sqrt()
    return torch.cat([mean, deviation, row_quantiles(rows, QUANTILES)], dim=1)
