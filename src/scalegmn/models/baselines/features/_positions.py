"""Figures of layers, in as many places for every network however many layers it has."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.networks import Architecture


def align_layers(
    architecture: Architecture, figures: Float[Tensor, "B count D"], *, places: int, short: int = 0
) -> Float[Tensor, "B F"]:
    """Figures of `count` layers in `places` places, ``(B, (1 + D) places)``.

    The last layer stands in the last place, those before it in the first places in their order; the places
    between are empty.  A place holds 1 and the figures of its layer, or zeros where it is empty.

    Args:
        architecture: of the networks, for the message.
        figures: of every layer.
        places: how many there are.
        short: by how many there are fewer figures than layers.

    Raises:
        GraphError: a network has more layers.
    """
    count = figures.shape[1]
    if count > places:
        raise GraphError(
            f"{architecture.describe()} has {count + short} weighted layers, but the model was made for at "
            f"most {places + short}; make it for these networks"
        )
    found = figures.new_zeros(len(figures), places, 1 + figures.shape[2])
    if count:
        own = [*range(count - 1), places - 1]
        found[:, own] = torch.cat([figures.new_ones(*figures.shape[:2], 1), figures], dim=2)
    return found.flatten(1)
