"""Every field of a network graph, once: its shape, law and meaning."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scalegmn.symmetry import Law


@dataclass(frozen=True)
class GraphField:
    """A tensor that a :class:`~scalegmn.graph.NetworkGraph` carries.

    Attributes:
        name: attribute of the graph.
        shape: its dimensions, letters as in :mod:`scalegmn.shapes`.
        floating: whether it holds real numbers (else int64).
        law: how it changes under the symmetries of the network.
        meaning: one line.
    """

    name: str
    shape: str
    floating: bool
    law: Law
    meaning: str

    @property
    def rows(self) -> str:
        """The dimension along which graphs are concatenated in a batch."""
        return next(size for size in self.shape.split() if size.isalpha())

    @property
    def is_index(self) -> bool:
        """Whether it holds indices of nodes, with one column for each of its rows."""
        return self.shape.split()[0].isdigit()

    def has_dtype(self, dtype: torch.dtype) -> bool:
        """Whether a tensor of this dtype may stand in the field."""
        return dtype.is_floating_point if self.floating else dtype == torch.int64


FIELDS: tuple[GraphField, ...] = (
    GraphField("edge_index", "2 E", False, Law.invariant, "source and target neuron of every edge"),
    GraphField(
        "product_index",
        "3 H",
        False,
        Law.invariant,
        "two factors, and the neuron whose sum their product is part of",
    ),
    GraphField(
        "tap_weight",
        "T",
        True,
        Law.edge,
        "weights; the taps of an edge stand together, in the order of edges",
    ),
    GraphField("node_bias", "V", True, Law.primal, "biases; 0 where there is none"),
    GraphField("edge_type", "E", False, Law.invariant, "what the taps stand for: networks.topology.EdgeKind"),
    GraphField(
        "edge_kernel",
        "E 2",
        False,
        Law.invariant,
        "height and width of the taps; their product is the count K",
    ),
    GraphField("node_role", "V", False, Law.invariant, "input, hidden or output: networks.topology.Role"),
    GraphField("node_layer", "V", False, Law.invariant, "layer, 0 for inputs"),
    GraphField(
        "node_position",
        "V",
        False,
        Law.invariant,
        "place within the layer; meaningful for inputs and outputs",
    ),
    GraphField(
        "node_group", "V", False, Law.invariant, "bits of the neuron's group: symmetry.groups.Group.code"
    ),
    GraphField(
        "node_degree", "V", True, Law.invariant, "degree of homogeneity of the activation; 1 for most"
    ),
    GraphField(
        "node_activation", "V", False, Law.invariant, "kind of activation: networks.activations, its code"
    ),
    GraphField(
        "node_value",
        "V",
        True,
        Law.invariant,
        "number of the activation: frequency of a sine, slope of a ReLU",
    ),
)
"""The registry.  ``node_position`` of hidden neurons is no property of theirs: a permutation changes it."""

FIELD_NAMES: frozenset[str] = frozenset(field.name for field in FIELDS)
INDEX_FIELDS: frozenset[str] = frozenset(field.name for field in FIELDS if field.is_index)
