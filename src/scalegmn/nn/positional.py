"""What neurons and edges are told about their place in the network.  Law: invariant."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, NetworkGraph
from scalegmn.networks import activation_kinds
from scalegmn.nn.arrangement import Arrangement
from scalegmn.shapes import EdgeFeatures, NodeFeatures


@final
class PositionalEncoding(nn.Module):
    """Input and output neurons have a vector each; hidden ones share that of their layer.

    Hidden neurons are also told their kind of activation, and how far its number (the frequency of a
    sine, the slope of a leaky ReLU) is from the default of the kind.  Both start from 0, so that
    networks that all have one kind and its default are not affected.

    Args:
        spec: how many inputs, outputs and layers there are at most.
        features: D.
        edges: give edges a vector per layer as well.
    """

    usual_value: Tensor

    def __init__(self, *, spec: GraphSpec, features: int, edges: bool) -> None:
        super().__init__()
        self.spec = spec
        self.of_input = nn.Parameter(torch.randn(spec.inputs, features))
        self.of_output = nn.Parameter(torch.randn(spec.outputs, features))
        self.of_layer = nn.Parameter(torch.randn(spec.layers, features))
        codes = max(kind.code for kind in activation_kinds()) + 1
        self.of_activation = nn.Parameter(torch.zeros(codes, features))
        self.of_value = nn.Parameter(torch.zeros(codes, features))
        usual = torch.zeros(codes)
        for kind in activation_kinds():
            usual[kind.code] = kind.value or 0.0
        self.register_buffer("usual_value", usual, persistent=False)
        self.of_edge_layer = nn.Parameter(torch.randn(spec.layers + 1, features)) if edges else None

    def forward(self, graph: NetworkGraph, at: Arrangement) -> NodeFeatures:
        """Encodings of the arranged nodes, ``(V, D)``.

        Raises:
            GraphError: the graph has more inputs, outputs or layers than the model was made for.
        """
        self.spec.check(at.structure)
        position, layer = at.nodes(at.structure.node_position), at.nodes(at.structure.node_layer)
        hidden = self.of_layer[layer[at.hidden] - 1] + self._of_activations(graph, at)
        return torch.cat([self.of_input[position[at.inputs]], hidden, self.of_output[position[at.outputs]]])

    def _of_activations(self, graph: NetworkGraph, at: Arrangement) -> Tensor:
        """What hidden neurons are told about their activation; asinh is a logarithm that allows 0."""
        kind, beyond = self._beyond(graph, at)
        return self.of_activation[kind] + self.of_value[kind] * beyond.unsqueeze(1)

    def _beyond(self, graph: NetworkGraph, at: Arrangement) -> tuple[Tensor, Tensor]:
        """Kinds of the activations of hidden neurons, and how far their numbers are from the usual ones."""
        kind = at.nodes(at.structure.node_activation)[at.hidden]
        value = at.nodes(graph.node_value)[at.hidden].to(self.of_value)
        return kind, value.asinh() - self.usual_value[kind].asinh()

    def by_kind(self, graph: NetworkGraph, at: Arrangement) -> bool:
        """Whether all nodes of a kind (``Arrangement.kinds``) have one encoding."""
        return not bool(self._beyond(graph, at)[1].any())

    def of_edges(self, at: Arrangement) -> EdgeFeatures | None:
        """Encodings of the arranged edges by the place of their target's layer, ``(E, D)``, or None.

        Edges into output neurons have the last vector, however deep the network is.
        """
        if self.of_edge_layer is None:
            return None
        layers = self.edge_layers(at)
        # A product with one-hot rows: its gradient is a product too, not a scatter over all edges.
        chosen = one_hot(layers, self.spec.layers + 1)
        return chosen.to(self.of_edge_layer) @ self.of_edge_layer

    def edge_layers(self, at: Arrangement) -> Tensor:
        """The number of the vector of every arranged edge, ``(E,)``."""
        target = at.target.index
        layer = at.nodes(at.structure.node_layer)[target] - 1
        return torch.where(target >= at.outputs.start, self.spec.layers, layer)


def encode_nodes(bias: Tensor, encoding: Tensor, at: Arrangement, *, multiply: bool) -> Tensor:
    """Features of biases and encodings: on hidden nodes the product (which keeps the law), else the sum.

    Args:
        bias: mapped biases ``(V, D)``, primal.
        encoding: ``(V, D)``, invariant.
        at: the batch.
        multiply: False adds on hidden nodes as well, for models without scale symmetry.

    Raises:
        GraphError: the two have different shapes.
    """
    if bias.shape != encoding.shape:
        raise GraphError(f"biases {tuple(bias.shape)} and encodings {tuple(encoding.shape)} differ in shape")
    if not multiply:
        return bias + encoding
    return torch.cat(
        [
            bias[at.inputs] + encoding[at.inputs],
            bias[at.hidden] * encoding[at.hidden],
            bias[at.outputs] + encoding[at.outputs],
        ]
    )
