"""What a metanetwork knows about the networks of a batch between two layers."""

from __future__ import annotations

from dataclasses import dataclass

from scalegmn.nn.factored import Edges
from scalegmn.nn.senders import Start
from scalegmn.shapes import NodeFeatures


@dataclass(frozen=True, eq=False)
class State:
    """Features in arranged order (see :class:`~scalegmn.nn.arrangement.Arrangement`).

    Attributes:
        primal: node features ``(V, D)``, law ``q_i``.
        dual: node features ``(V, D)`` that travel backwards, law ``1/q_i``; None in forward models and
            where only permutations count.
        edges: edge features ``(E, D)``, law ``q_i / q_j**d_j``; before the first layer perhaps as a product
            that has not been multiplied.
        encoding: what nodes are told about their place, ``(V, D)``, invariant.
    """

    primal: NodeFeatures
    dual: NodeFeatures | None
    edges: Edges
    encoding: NodeFeatures
    start: Start | None = None
