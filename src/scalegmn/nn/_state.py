"""What a metanetwork knows about the networks of a batch between two layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from scalegmn.shapes import EdgeFeatures, NodeFeatures, NodePhases


@final
@dataclass(frozen=True, eq=False)
class State:
    """Features of neurons and edges.

    Attributes:
        primal: x, node features ``(V, D)``, law ``q_i``.
        dual: u, node features ``(V, D)`` that travel backwards, law ``1/q_i``; None in forward models and
            where only permutations count.
        edges: e, edge features ``(E, D)``, law ``q_i / q_j**d_j``.
        encoding: z, what neurons are told about their position, ``(V, D)``, invariant.
        phase: cosine and sine of the phase of sine neurons, 1 and 0 of others, ``(V, 2)``
            (:func:`scalegmn.nn.phases_of`); None where biases are features instead.
    """

    primal: NodeFeatures
    dual: NodeFeatures | None
    edges: EdgeFeatures
    encoding: NodeFeatures
    phase: NodePhases | None = None
