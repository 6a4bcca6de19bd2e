"""The layer that respects permutations only: the graph metanetwork that scale symmetry is compared with.

Source: Lim et al. 2024, Kofinas et al. 2024.  It must fail tests of scale symmetry.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn._edge_maps import EdgeMaps
from scalegmn.nn._message_passing_layer import MessagePassingLayer
from scalegmn.nn._mlp import MLP
from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._products import PairMessages
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle


@final
class PermutationMessagePassing(MessagePassingLayer):
    r"""Messages and updates that are MLPs of concatenated features.

    .. math::

        m_i &= \textstyle\sum_{j} \mathrm{MLP}\big([x_j,\, e_{ij}]\big), \qquad
        r_j  = \textstyle\sum_{i} \mathrm{MLP}\big([x_i,\, e_{ij}]\big) \\
        x'_i &= \mathrm{MLP}\big([x_i,\, m_i,\, r_i]\big) \\
        e'_{ij} &= \mathrm{MLP}\big([e_{ij},\, x_i,\, x_j]\big)

    with r in bidirectional layers only.  The edge update reads the old node features.

    Source: Lim et al. 2024, Kofinas et al. 2024.

    Args:
        style: options; those of scale symmetry are without effect.
        update_edges: whether later layers or the head read edge features.

    Shapes: x, m, r ``(V, D)``; e ``(E, D)``.

    Law: equivariant to permutations of hidden neurons; no scaling law.
    """

    def __init__(self, *, style: LayerStyle, update_edges: bool) -> None:
        super().__init__()
        width, both = style.features, style.bidirectional
        parts = 3 if both else 2
        self.messages = nn.ModuleList([EdgeMLP(style=style, ends=1) for _ in range(parts - 1)])
        self.edge_update = EdgeMLP(style=style, ends=2) if update_edges else None
        self.of_inputs = MLP(width * parts, width, style=style.mlp)
        self.of_hidden = MLP(width * parts, width, style=style.mlp)
        self.of_outputs = MLP(width * parts, width, style=style.mlp) if style.separate_io else self.of_inputs
        ways = 1 + 2 * both
        self.products = (
            nn.ModuleList([PairMessages(style=style) for _ in range(ways)]) if style.products else None
        )
        self.edge_maps = EdgeMaps(width, style.mlp.hidden, backward=both, update=update_edges)

    def forward(self, state: State, graph: SortedGraph) -> State:
        """The equations of the class; dropout and residual connections stand around the layer."""
        x, e, source, target = state.primal, state.edges, graph.source, graph.target
        weights, parts = self.edge_maps.by_name(), [x]
        ways = [(weights.forward, source, target), (weights.backward, target, source)]
        for message, (weight, sender, receiver) in zip(self.messages, ways, strict=False):
            sent = message(linear(e, weight), [x[sender]])
            parts.append(sent.new_zeros(x.shape).index_add(0, receiver, sent))
        self.add_products(parts, x, graph.products)
        inputs, hidden, outputs = graph.neurons.split(torch.cat(parts, dim=1))
        new = torch.cat([self.of_inputs(inputs), self.of_hidden(hidden), self.of_outputs(outputs)])
        if self.edge_update is not None:
            e = self.edge_update(linear(e, weights.update), [x[target], x[source]])
        return State(new, None, e, state.encoding)

    def add_products(self, parts: list[Tensor], x: Tensor, pairs: Tensor) -> None:
        """Add to sums of messages what products and their factors tell each other.

        Args:
            parts: x, m, and r in bidirectional layers, ``(V, D)`` each.
            x: features of the nodes.
            pairs: two factors and their product each, as rows, ``(3, H)``.
        """
        if self.products is None:
            return
        forward, *backward = self.products
        parts[1] = parts[1] + forward(x, pairs)
        for message, order in zip(backward, ([2, 1, 0], [2, 0, 1]), strict=False):
            parts[2] = parts[2] + message(x, pairs[order])


@final
class EdgeMLP(nn.Module):
    r""":math:`\mathrm{MLP}([e, x_a, \dots])` on edges; the caller applies the part that reads e.

    Args:
        style: of the layer.
        ends: how many node features it reads.

    Shapes: ``W e`` ``(E, hidden)``, each x ``(E, D)``, result ``(E, D)``.
    """

    def __init__(self, *, style: LayerStyle, ends: int) -> None:
        super().__init__()
        self.mlp = MLP(style.features, style.features, style=style.mlp)
        others = [nn.Linear(style.features, style.mlp.hidden, bias=False) for _ in range(ends - 1)]
        self.others = nn.ModuleList(others)

    def forward(self, mapped_edges: Tensor, x: list[Tensor]) -> Tensor:
        """Mapped edge features and node features at the ends of the edges to ``(E, D)``."""
        hidden = mapped_edges
        for own, first in zip(x, self.first_maps, strict=True):
            hidden = hidden + first(own)
        return self.mlp.rest(hidden)

    @property
    def first_maps(self) -> list[nn.Module]:
        """The parts of the first map that read node features, the one with the bias first."""
        return [self.mlp.first, *self.others]
