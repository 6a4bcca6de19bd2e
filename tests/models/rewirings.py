"""Networks of other widths that compute the same."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.alignment.rewriting import (
    with_canceling_neurons,
    with_split_neurons,
    with_unread_neurons,
)
from scalegmn.networks import LayeredArchitecture
from scalegmn.symmetry import canonicalize_sine_phase


def rewire_rows(
    architecture: LayeredArchitecture, theta: Tensor, *, generator: torch.Generator
) -> tuple[LayeredArchitecture, Tensor]:
    """Several networks of one architecture, all of them with new neurons in the same places.

    Every hidden layer gets neurons that nobody reads and pairs that cancel, and some of all are split in two,
    with a share for each weight behind them.  Phases of sine neurons, which models do not see through, are
    canonical.
    """
    seed = int(torch.randint(2**31, (), generator=generator))
    found = [_rewired(architecture, row, torch.Generator().manual_seed(seed)) for row in theta.double()]
    assert len({one for one, _ in found}) == 1
    wider, moved = found[0][0], torch.stack([row for _, row in found])
    return wider, canonicalize_sine_phase(wider, moved)


def _rewired(
    architecture: LayeredArchitecture, theta: Tensor, random: torch.Generator
) -> tuple[LayeredArchitecture, Tensor]:
    for layer in range(len(architecture.stages) - 1):
        architecture, theta = with_unread_neurons(architecture, theta, layer=layer, count=2, generator=random)
        for widen in (with_canceling_neurons, with_split_neurons):
            architecture, theta = widen(
                architecture, theta, layer=layer, count=2, generator=random, spread=10.0
            )
    return architecture, theta
