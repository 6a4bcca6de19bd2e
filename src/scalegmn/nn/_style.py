"""What the layers of one metanetwork have in common."""

from __future__ import annotations

from dataclasses import dataclass

from scalegmn.configuration import Configuration, Width
from scalegmn.nn._mlp import MLPStyle


@dataclass(frozen=True, kw_only=True)
class LayerStyle(Configuration):
    """Options of a message passing layer.

    Attributes:
        features: D.
        bidirectional: messages also run from targets to sources.
        dual: nodes carry dual features; bidirectional layers that respect scales do.
        symmetrize: take signs out by ``rho(x) + rho(-x)`` rather than by ``|x|``.
        separate_io: input and output neurons have different maps, not one in common.
        plain_io: their maps are MLPs, not ``(W x) * MLP(x)``.
        positional_in_messages: messages see the encoding of their target.
        positional_in_updates: node updates see the encoding of their node.
        mlp: style of all MLPs.
        any_width: neurons that nobody reads, and copies of neurons, count for nothing.
        products: neurons may be products of others, and tell each other.
        phases: sine neurons have phases in place of biases.
    """

    features: Width
    bidirectional: bool
    dual: bool
    symmetrize: bool
    separate_io: bool
    plain_io: bool
    positional_in_messages: bool
    positional_in_updates: bool
    mlp: MLPStyle
    any_width: bool = False
    products: bool = False
    phases: bool = False
