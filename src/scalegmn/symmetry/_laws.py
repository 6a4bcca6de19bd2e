"""How a tensor transforms when the neurons of the network are rescaled and permuted."""

from __future__ import annotations

from enum import Enum


class Law(Enum):
    """The four laws.  ``q_i`` is the factor of neuron i, ``d_j`` the degree of its activation.

    ``d_j`` is 1 for everything but powers of ReLU, whose output is multiplied by ``q_j**d_j``; signs
    count once, whatever the degree.
    """

    invariant = "1"
    primal = "q_i"
    dual = "1 / q_i"
    edge = "q_i / q_j**d_j"
