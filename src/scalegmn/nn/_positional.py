"""What neurons and edges are told about their position in the network.  Law: invariant."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from scalegmn.graph import AnyGraph, GraphSpec
from scalegmn.networks import activation_kinds
from scalegmn.nn._neurons import Neurons
from scalegmn.shapes import EdgeFeatures, EdgeIntegers, NodeFeatures


@final
class PositionalEncoding(nn.Module):
    r"""Input and output neurons have a vector each; hidden ones share that of their layer.

    .. math::

        z_i = \begin{cases}
            a_{p_i} & \text{inputs, by position} \\
            b_{\ell_i} + c_{\sigma_i} + g_{\sigma_i}
                \big(\operatorname{asinh} v_i - \operatorname{asinh} \bar v_{\sigma_i}\big)
                    & \text{hidden neurons, by layer and activation} \\
            o_{p_i} & \text{outputs, by position}
        \end{cases}

    Hidden-neuron encodings also embed the activation type :math:`\sigma_i` and the deviation of its parameter
    :math:`v_i` (the frequency of a sine, the slope of a leaky ReLU) from the default :math:`\bar v`; asinh
    is a logarithm that allows 0.  Both embeddings start from 0, so that networks that all have one type and
    its default are not affected.

    Args:
        spec: how many inputs, outputs and layers there are at most.
        features: D.
        edges: give edges a vector per layer as well.

    Law: invariant.
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

    def forward(self, graph: AnyGraph, neurons: Neurons) -> NodeFeatures:
        """Encodings of the neurons, ``(V, D)``.

        Raises:
            GraphError: the graph has more inputs, outputs or layers than the model was made for.
        """
        self.spec.check(neurons.structure)
        position, activation = neurons.position, neurons.activation[neurons.hidden]
        deviation = self.deviation(graph, neurons).unsqueeze(1)
        hidden = self.of_layer[neurons.layer[neurons.hidden] - 1] + self.of_activation[activation]
        return torch.cat(
            [
                self.of_input[position[neurons.inputs]],
                hidden + self.of_value[activation] * deviation,
                self.of_output[position[neurons.outputs]],
            ]
        )

    def deviation(self, graph: AnyGraph, neurons: Neurons) -> Tensor:
        """How far the numbers of the activations of hidden neurons are from the defaults of their types."""
        value = neurons.take(graph.node_value)[neurons.hidden].to(self.of_value)
        return value.asinh() - self.usual_value[neurons.activation[neurons.hidden]].asinh()

    def of_edges(self, neurons: Neurons, target: EdgeIntegers) -> EdgeFeatures | None:
        """Encodings of edges by the layer of their targets, ``(E, D)``, or None.

        Edges into output neurons have the last vector, however deep the network is.
        """
        if self.of_edge_layer is None:
            return None
        # A product with one-hot rows: its gradient is a product too, not a scatter over all edges.
        chosen = one_hot(self.edge_layers(neurons, target), self.spec.layers + 1)
        return chosen.to(self.of_edge_layer) @ self.of_edge_layer

    def edge_layers(self, neurons: Neurons, target: EdgeIntegers) -> EdgeIntegers:
        """The index of the vector of every edge, ``(E,)``."""
        return torch.where(target >= neurons.outputs.start, self.spec.layers, neurons.layer[target] - 1)
