"""The graph of a list of layers."""

from __future__ import annotations

import torch

from scalegmn.graph._layout import GraphLayout
from scalegmn.networks import LayeredArchitecture, topology_of
from scalegmn.symmetry import SymmetryAction


def layered_layout(architecture: LayeredArchitecture) -> GraphLayout:
    """One node per neuron, layer by layer; one edge per weight of a dense layer or per kernel."""
    topology = topology_of(architecture)
    action = SymmetryAction(architecture)
    return GraphLayout(
        structure={
            "edge_index": torch.stack([topology.source, topology.target]),
            "product_index": torch.empty(3, 0, dtype=torch.int64),
            "edge_type": topology.edge_type,
            "edge_kernel": topology.edge_kernel,
            "node_role": topology.node_role,
            "node_layer": topology.node_layer,
            "node_position": topology.node_position,
            "node_group": torch.tensor([group.code for group in action.groups]),
            "node_degree": action.degree.float(),
            "node_activation": topology.activation_code,
        },
        tap_parameter=topology.tap_parameter,
        tap_reciprocal=None,
        bias_parameter=topology.bias_parameter,
        value_parameter=topology.slope_parameter,
        value=topology.activation_value,
        num_parameters=architecture.num_parameters,
    )
