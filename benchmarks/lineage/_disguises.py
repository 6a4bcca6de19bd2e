"""Networks written anew so that their functions stay, or nearly."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from scalegmn.alignment.lineage import LineageNetwork
from scalegmn.alignment.rewriting import with_split_neurons, with_unread_neurons
from scalegmn.networks import LayeredArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry

from ._making import Families, pruned

LEVELS: Final = ("as they are", "moved", "everything")
"""The last: descendants are pruned, rounded, get unread and split neurons, are moved, and rounded again."""


def disguised(architecture: LayeredArchitecture, made: Families, level: str) -> list[LineageNetwork]:
    """All networks, family by family.

    Args:
        architecture: of the families.
        made: the families.
        level: one of :data:`LEVELS`.
    """
    stream = generator(0, "lineage disguises", level)
    found = []
    for family in made.theta.double():
        for member, theta in enumerate(family):
            own, dtype, wider = theta, torch.float32, architecture
            if level == "everything" and member:
                own = pruned(architecture, theta[None])[0].bfloat16().double()
                wider, own = _widened(architecture, own, stream)
            if level != "as they are":
                own = random_symmetry(wider, generator=stream).apply(own[None])[0]
            if level == "everything" and member:
                own, dtype = own.bfloat16().double(), torch.bfloat16
            found.append(LineageNetwork(architecture=wider, theta=own, dtype=dtype))
    return found


def _widened(
    architecture: LayeredArchitecture, theta: Tensor, stream: torch.Generator
) -> tuple[LayeredArchitecture, Tensor]:
    """A tenth to a quarter more neurons of both kinds in every layer."""
    for layer, stage in enumerate(architecture.stages[:-1]):
        width = stage.weighted.outputs
        for add in (with_unread_neurons, with_split_neurons):
            share = 0.1 + 0.15 * float(torch.rand((), generator=stream))
            count = max(1, round(share * width))
            architecture, theta = add(architecture, theta, layer=layer, count=count, generator=stream)
    return architecture, theta
