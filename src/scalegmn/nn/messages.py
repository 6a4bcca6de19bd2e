"""Messages over edges, in either direction, that keep the law of the neuron they reach.

Paper: Kalogeropoulos et al. 2024, section 5.2, equations (10) to (12); the backward direction with dual
features is ours.
"""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from scalegmn.nn.arrangement import Arrangement, Lane
from scalegmn.nn.chunks import chunk_rows
from scalegmn.nn.edge_maps import EdgeMap
from scalegmn.nn.equivariant import ScaleEquivariant
from scalegmn.nn.factored import Factored, Features, multiplied
from scalegmn.nn.roles import LabelledMap
from scalegmn.nn.senders import FactoredNodes
from scalegmn.nn.style import LayerStyle
from scalegmn.shapes import NodeFeatures, SomeRows


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
        self,
        x: NodeFeatures,
        edges: EdgeMap,
        encoding: NodeFeatures,
        at: Arrangement,
        start: FactoredNodes | None = None,
    ) -> NodeFeatures:
        """Sums of messages ``(V, D)``.

        Args:
            x: what nodes send, ``(V, D)``.
            edges: ``W2 e``, of shape ``(E, D)``.
            encoding: of the nodes, ``(V, D)``.
            at: the batch.
            start: x as numbers times vectors.
        """
        sent = self.sender(x)
        first = None if start is None else start.mapped(self.sender.weight)
        sums = torch.zeros_like(sent)
        lanes = at.lanes(backward=self.backward_run, most=chunk_rows(x))
        for lane, own in zip(lanes, edges.parts([lane.edges for lane in lanes]), strict=True):
            product: Features | None = None
            if first is not None and isinstance(own, Factored):
                product = first.product(lane, own)
            if product is None:
                product = lane.senders.gather(sent) * multiplied(own)
            sums[lane.nodes] += self._summed(product, encoding, lane)
        return sums

    def _summed(self, product: Features, encoding: NodeFeatures, lane: Lane) -> SomeRows:
        """Messages of one lane, summed at the nodes that it reaches."""
        if lane.groups is None:
            return self.labelled.summed(product, lane.receivers)
        extras = encoding[lane.nodes] if self.positional else None
        return lane.receivers.sum(self.hidden(product, lane.groups, extras, end=lane.receivers))
