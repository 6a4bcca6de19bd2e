r"""What products of neurons are told by their factors, and the factors by them.  *Beyond the paper.*

Networks multiply activations: queries with keys, attention with values, gates with what they let through.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from scalegmn.nn._equivariant import IOMap, ScaleEquivariant
from scalegmn.nn._mlp import MLP
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import NodeFeatures, ProductIndex


@final
class ProductMessages(nn.Module):
    r"""The messages that reach a neuron which is a sum of products, from each pair of factors.

    .. math::

        m_s = \sum_{(a, b) \to s} \mathrm{ScaleEq}\big(W_1 x_a \odot W_2 x_b\big)

    Backwards, each factor is reached by the dual features of the product and the primal ones of the other
    factor:

    .. math::

        r_a = \sum_{(a, b) \to s} \mathrm{ScaleEq}\big(W_1 u_s \odot W_2 x_b\big)

    Args:
        style: of the layer.

    Shapes: x and u ``(V, D)``, pairs ``(3, H)``, result ``(V, D)``.

    Law: a product has the law :math:`q_s = q_a q_b`, so that forwards the messages have the law :math:`q_s`
    (primal), and backwards :math:`q_b / q_s = 1 / q_a` (dual).
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.first = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, width, bias=False)
        self.hidden = ScaleEquivariant(width, width, symmetrize=style.symmetrize, style=style.mlp)
        self.io = IOMap(width, width, style=style)

    def forward(
        self, first: NodeFeatures, second: NodeFeatures, pairs: ProductIndex, neurons: Neurons
    ) -> NodeFeatures:
        """Sums of messages.

        Args:
            first: what the first of each pair sends.
            second: what the second of each pair sends.
            pairs: rows of the two that send, and of the one that is reached.
            neurons: the rows.
        """
        a, b, reached = pairs
        product = self.first(first)[a] * self.second(second)[b]
        messages = torch.where(
            neurons.is_hidden[reached],
            self.hidden(product, neurons.all_groups.take(reached)),
            self.io(product),
        )
        return messages.new_zeros(first.shape).index_add(0, reached, messages)


@final
class ProductExchange(nn.Module):
    r"""All messages between products and their factors, in the directions of a layer.

    Args:
        style: of the layer.

    Law: see :class:`ProductMessages`.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        self.to_product = ProductMessages(style=style)
        self.to_first = ProductMessages(style=style) if style.dual else None
        self.to_second = ProductMessages(style=style) if style.dual else None

    def primal(self, x: NodeFeatures, pairs: ProductIndex, neurons: Neurons) -> NodeFeatures:
        """What products are told."""
        sums: Tensor = self.to_product(x, x, pairs, neurons)
        return sums

    def dual(self, u: NodeFeatures, x: NodeFeatures, pairs: ProductIndex, neurons: Neurons) -> NodeFeatures:
        """What factors are told.

        Args:
            u: dual features.
            x: primal features.
            pairs: two factors and their product each.
            neurons: the rows.
        """
        assert self.to_first is not None and self.to_second is not None, "only layers with duals go back"
        first, second, product = pairs
        sums: Tensor = self.to_first(u, x, torch.stack([product, second, first]), neurons)
        return sums + self.to_second(u, x, torch.stack([product, first, second]), neurons)


@final
class LinearProducts(nn.Module):
    r"""The same for layers that read networks of any width: no function is taken of a single product.

    .. math::

        m_s = \sum_{(a, b) \to s} W_1 s_a \odot W_2 s_b, \qquad
        r_a = \sum_{(a, b) \to s} U_1 u_s \odot U_2 s_b

    Args:
        style: of the layer.

    Law: as of :class:`ProductMessages`; r is linear in u.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features

        def maps() -> nn.ModuleList:
            return nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(2)])

        self.to_product = maps()
        self.to_first = maps() if style.dual else None
        self.to_second = maps() if style.dual else None

    def primal(self, sent: NodeFeatures, pairs: ProductIndex) -> NodeFeatures:
        """What products are told, of what their factors send, ``(V, D)``."""
        return _linear_sums(self.to_product, sent, sent, pairs)

    def dual(self, u: NodeFeatures, sent: NodeFeatures, pairs: ProductIndex) -> NodeFeatures:
        """What factors are told, of the dual features of products and of what the other factor sends."""
        assert self.to_first is not None and self.to_second is not None, "only layers with duals go back"
        first, second, product = pairs
        sums = _linear_sums(self.to_first, u, sent, torch.stack([product, second, first]))
        return sums + _linear_sums(self.to_second, u, sent, torch.stack([product, first, second]))


def _linear_sums(maps: nn.ModuleList, first: Tensor, second: Tensor, pairs: Tensor) -> Tensor:
    of_first, of_second = maps
    a, b, reached = pairs
    product = of_first(first)[a] * of_second(second)[b]
    return torch.zeros_like(first).index_add(0, reached, product)


@final
class PairMessages(nn.Module):
    r"""The same for layers that respect permutations only: an MLP of both factors.

    .. math:: m_s = \sum_{(a, b) \to s} \mathrm{MLP}\big([x_a, x_b]\big)

    Args:
        style: of the layer.

    Law: equivariant to permutations; no scaling law.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        self.mlp = MLP(style.features, style.features, style=style.mlp)
        self.second = nn.Linear(style.features, style.mlp.hidden, bias=False)

    def forward(self, x: NodeFeatures, pairs: ProductIndex) -> NodeFeatures:
        """Sums of messages of features ``(V, D)``, along rows of two that send and one that is reached."""
        a, b, reached = pairs
        sent = self.mlp.rest(self.mlp.first(x)[a] + self.second(x)[b])
        return sent.new_zeros(x.shape).index_add(0, reached, sent)
