"""Every field of a network graph, once: its shape, law and meaning."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scalegmn.symmetry import Law


@dataclass(frozen=True)
class Field:
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
        return "E" if self.shape == "2 E" else self.shape.split()[0]

    def has_dtype(self, dtype: torch.dtype) -> bool:
        """Whether a tensor of this dtype may stand in the field."""
        return dtype.is_floating_point if self.floating else dtype == torch.int64


FIELDS: tuple[Field, ...] = (
    Field("edge_index", "2 E", False, Law.INVARIANT, "source and target neuron of every edge"),
    Field(
        "tap_weight",
        "T",
        True,
        Law.EDGE,
        "weights; the taps of an edge stand together, in the order of edges",
    ),
    Field("node_bias", "V", True, Law.PRIMAL, "biases; 0 where there is none"),
    Field("edge_kind", "E", False, Law.INVARIANT, "what the taps stand for: networks.topology.EdgeKind"),
    Field(
        "edge_kernel",
        "E 2",
        False,
        Law.INVARIANT,
        "height and width of the taps; their product is the count K",
    ),
    Field("node_role", "V", False, Law.INVARIANT, "input, hidden or output: networks.topology.Role"),
    Field("node_layer", "V", False, Law.INVARIANT, "layer, 0 for inputs"),
    Field(
        "node_position",
        "V",
        False,
        Law.INVARIANT,
        "place within the layer; meaningful for inputs and outputs",
    ),
    Field("node_group", "V", False, Law.INVARIANT, "bits of the neuron's group: symmetry.groups.Group.code"),
    Field("node_degree", "V", True, Law.INVARIANT, "degree of homogeneity of the activation; 1 for most"),
    Field("node_activation", "V", False, Law.INVARIANT, "kind of activation: networks.activations, its code"),
    Field(
        "node_value",
        "V",
        True,
        Law.INVARIANT,
        "number of the activation: frequency of a sine, slope of a ReLU",
    ),
)
"""The registry.  ``node_position`` of hidden neurons is no property of theirs: a permutation changes it."""

FIELD_NAMES: frozenset[str] = frozenset(field.name for field in FIELDS)
