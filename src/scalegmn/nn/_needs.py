"""What a readout or a head reads of the features after the last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class ReadoutNeeds:
    """What is read of the state after the last layer; a backbone need not compute the rest.

    Attributes:
        inputs, hidden, outputs: the neurons with these roles.
        edges: all edges, and with them all neurons.
        duals: dual features as well as primal ones.
    """

    inputs: bool = True
    hidden: bool = True
    outputs: bool = True
    edges: bool = False
    duals: bool = True
