r"""What a network is as a whole, told by primal and dual features together.  *Beyond the paper.*"""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from scalegmn.nn._mlp import MLP
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import NetworkVectors, NodeFeatures


@final
class NetworkSums(nn.Module):
    r"""Products of primal and dual features, summed over the hidden neurons of each layer, through an MLP.

    .. math::

        h = \mathrm{MLP}\Big(\Big[\textstyle\sum_{i \in \ell} (Q_1 x_i) \odot (Q_2 u_i)\Big]_\ell\Big)

    A neuron that nobody reads has :math:`u_i = 0` and adds nothing; copies of a neuron have its x, and duals
    that add up to its u, so that they add what it added.  No count and no mean is taken, and nothing but
    linear maps stands before the sum.

    Args:
        layers: hidden layers at most; networks with fewer have zeros in their places.
        style: of the metanetwork.

    Shapes: x and u ``(V, D)``, result ``(B, D)``.

    Law: invariant, and the same for networks of any width (:class:`~scalegmn.nn.AnyWidthMessagePassing`).
    """

    def __init__(self, *, layers: int, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.layers = layers
        self.of_primal = nn.Linear(width, width, bias=False)
        self.of_dual = nn.Linear(width, width, bias=False)
        self.mlp = MLP(layers * width, width, style=style.mlp)

    def forward(self, x: NodeFeatures, u: NodeFeatures, neurons: Neurons) -> NetworkVectors:
        """One vector per network."""
        rows = neurons.hidden
        products = self.of_primal(x[rows]) * self.of_dual(u[rows])
        places = neurons.network[rows] * self.layers + neurons.layer[rows] - 1
        sums = products.new_zeros(neurons.num_graphs * self.layers, products.shape[1])
        sums = sums.index_add(0, places, products)
        vectors: Tensor = self.mlp(sums.reshape(neurons.num_graphs, -1))
        return vectors
