"""Neurons that skip connections tie together: they share their factor and their place in the order."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.networks import EdgeType, Topology


def tied_neurons(topology: Topology) -> Tensor:
    """For every neuron the smallest number among the neurons it is tied to, ``(V,)``.

    Two neurons are tied when a path of skip connections joins them.
    """
    component = torch.arange(topology.num_nodes)
    skips = topology.edge_type == int(EdgeType.skip)
    source, target = topology.source[skips], topology.target[skips]
    while True:
        lowest = torch.minimum(component[source], component[target])
        joined = component.scatter_reduce(0, source, lowest, "amin").scatter_reduce(0, target, lowest, "amin")
        if torch.equal(joined, component):
            return component
        component = joined
