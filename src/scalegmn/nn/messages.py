"""Messages over edges, in either direction, that keep the law of the neuron they reach.

Paper: Kalogeropoulos et al. 2024, section 5.2, equations (10) to (12); the backward direction with dual
features is ours.
"""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.equivariant import ScaleEquivariant
from scalegmn.nn.roles import LabelledMap
from scalegmn.nn.style import LayerStyle
from scalegmn.shapes import EdgeFeatures, NodeFeatures


@final
class Messages(nn.Module):
    """``sum_j ScaleEq((W1 x_j) * (W2 e_ij))``; the inner product is ReScaleEq, which multiplies laws.

    Args:
        style: of the layer.
        backward: messages run from the target of an edge to its source.

    Law: forward, ``q_j`` and ``q_i / q_j`` to ``q_i`` (primal); backward, ``1/q_i`` and ``q_i / q_j`` to
    ``1/q_j`` (dual).
    """

    def __init__(self, *, style: LayerStyle, backward: bool) -> None:
        super().__init__()
        width = style.features
        extras = width if style.positional_in_messages else 0
        self.backward_run = backward
        self.sender = nn.Linear(width, width, bias=False)
        self.hidden = ScaleEquivariant(
            width, width, extras=extras, symmetrise=style.symmetrise, style=style.mlp
        )
        self.labelled = LabelledMap(width, width, style=style)
        self.positional = style.positional_in_messages

    def forward(
        self, x: NodeFeatures, mapped_edges: EdgeFeatures, encoding: NodeFeatures, at: Arrangement
    ) -> NodeFeatures:
        """Sums of messages ``(V, D)``.

        Args:
            x: what nodes send, ``(V, D)``.
            mapped_edges: ``W2 e``, ``(E, D)``; the layer computes it together with other maps of e.
            encoding: of the nodes, ``(V, D)``.
            at: the batch.
        """
        sent = self.sender(x)
        sums: dict[int, Tensor] = {}
        for lane in at.lanes(backward=self.backward_run):
            product = lane.senders.gather(sent) * lane.of(mapped_edges)
            if lane.hidden:
                rows = at.rows_from_hidden if self.backward_run else at.rows_to_hidden
                extras = encoding[lane.nodes] if self.positional else None
                found = self.hidden(product, rows, extras, end=lane.receivers)
            else:
                found = self.labelled(product)
            found = lane.receivers.sum(found)
            sums[lane.nodes.start] = sums[lane.nodes.start] + found if lane.nodes.start in sums else found
        return at.filled(sums, like=sent)
