"""Networks of other widths that compute the same: neurons split with shares for all weights, unread ones."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.alignment._widening import rewired, with_unread_neurons
from scalegmn.networks import LayeredArchitecture
from scalegmn.symmetry import SymmetryAction


def rewire(
    architecture: LayeredArchitecture, theta: Tensor, *, generator: torch.Generator, spread: float = 10.0
) -> tuple[LayeredArchitecture, Tensor]:
    """Every hidden layer of a chain with neurons that nobody reads and with copies of both kinds.

    Copies are elements of the neuron's group apart, and every weight behind them is shared out by numbers of
    its own, negative ones too; those of unread neurons cancel.
    """
    for layer in range(len(architecture.stages) - 1):
        architecture, theta = with_unread_neurons(
            architecture, theta, layer=layer, count=2, generator=generator
        )
        architecture, theta = _with_copies(architecture, theta, layer, generator, spread)
    return architecture, theta


def rewire_rows(
    architecture: LayeredArchitecture, theta: Tensor, *, generator: torch.Generator
) -> tuple[LayeredArchitecture, Tensor]:
    """The same of several networks of one architecture; all of them are split in the same places."""
    seed = int(torch.randint(2**31, (), generator=generator))
    found = [
        rewire(architecture, row, generator=torch.Generator().manual_seed(seed)) for row in theta.double()
    ]
    assert len({one for one, _ in found}) == 1
    return found[0][0], torch.stack([row for _, row in found])


def _with_copies(
    architecture: LayeredArchitecture, theta: Tensor, layer: int, generator: torch.Generator, spread: float
) -> tuple[LayeredArchitecture, Tensor]:
    first, second = (architecture.stages[number].weighted for number in (layer, layer + 1))
    width = first.outputs
    copied = torch.randint(width, (3,), generator=generator)
    sources = torch.cat([torch.arange(width), copied])
    action = SymmetryAction(architecture)
    group = action.groups[action.topology.node_layer.tolist().index(layer + 1)]
    factors = group.draw(len(sources), generator=generator, spread=spread)
    outgoing = factors.sign() * factors.abs() ** group.degree
    reading = torch.zeros(width, len(sources), dtype=torch.float64)
    reading[sources[:width], torch.arange(width)] = 1 / outgoing[:width]
    wider, found = rewired(
        architecture, theta, layer=layer, sources=sources, factors=factors, reading=reading
    )
    state = wider.unflatten(found.clone())
    columns = state[f"{second.name}.weight"].unflatten(1, (len(sources), -1))
    for copy, neuron in enumerate(copied.tolist(), start=width):
        moved = torch.randn(columns[:, copy].shape, generator=generator, dtype=torch.float64)
        columns[:, copy] += moved / outgoing[copy]
        columns[:, neuron] -= moved / outgoing[neuron]
    state[f"{second.name}.weight"] = columns.flatten(1, 2)
    return wider, wider.flatten(state)
