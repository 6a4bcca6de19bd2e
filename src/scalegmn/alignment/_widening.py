"""Hidden neurons of a list of layers added, split, merged and left out; the function stays."""

from __future__ import annotations

import dataclasses
from typing import Final

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activate, Conv, Dense, Layer, LayeredArchitecture, Weighted

_ATTEMPTS: Final = "neurons are added and merged in chains of layers, without skip connections and groups"


def rewired(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    sources: Tensor,
    factors: Tensor,
    reading: Tensor,
) -> tuple[LayeredArchitecture, Tensor]:
    """Replace the neurons of a hidden layer by copies of them.

    Args:
        architecture: a chain of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer whose outputs are replaced, from 0.
        sources: which neuron each new one copies, ``(new,)``.
        factors: by what the incoming weights and bias of each copy are multiplied, ``(new,)``.
        reading: how the next layer reads the copies, in terms of how it read the neurons before: its columns
            are multiplied by this ``(old, new)``.

    Returns:
        The architecture with another width, and its parameters.

    Raises:
        ArchitectureError: there is no such hidden layer, or the layers are no chain.
    """
    stages = architecture.stages
    if not 0 <= layer < len(stages) - 1:
        raise ArchitectureError(
            f"layer {layer} is no hidden one, expected 0 to {len(stages) - 2} of {architecture.describe()}"
        )
    first, second = stages[layer].weighted, stages[layer + 1].weighted
    grouped = any(one.groups > 1 for one in (first, second) if isinstance(one, Conv))
    if architecture.skips or grouped:
        raise ArchitectureError(f"{architecture.describe()}: {_ATTEMPTS}")
    state = dict(architecture.unflatten(theta))
    old, width = first.outputs, len(sources)
    for end in ("weight", "bias")[: 2 if first.bias else 1]:
        rows = state[f"{first.name}.{end}"][sources]
        state[f"{first.name}.{end}"] = rows * factors.to(rows).reshape(-1, *[1] * (rows.ndim - 1))
    slope = stages[layer].activate
    if slope.name is not None and slope.count > 1:
        state[f"{slope.name}.weight"] = state[f"{slope.name}.weight"][sources]
    columns = state[f"{second.name}.weight"].unflatten(1, (old, -1))
    read = torch.einsum("oc...,cn->on...", columns, reading.to(columns))
    state[f"{second.name}.weight"] = read.flatten(1, 2)
    places = second.inputs // old
    renewed = {
        first.name: dataclasses.replace(first, outputs=width),
        second.name: dataclasses.replace(second, inputs=width * places),
    }
    layers = tuple(_renewed(one, renewed, slope=slope, width=width) for one in architecture.layers)
    found = LayeredArchitecture(layers)
    return found, found.flatten(state)


def _renewed(layer: Layer, renewed: dict[str, Dense | Conv], *, slope: Activate, width: int) -> Layer:
    if isinstance(layer, Weighted):
        return renewed.get(layer.name, layer)
    if layer is slope and slope.count > 1:
        return dataclasses.replace(slope, count=width)
    return layer


def with_unread_neurons(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    count: int,
    generator: torch.Generator,
) -> tuple[LayeredArchitecture, Tensor]:
    """Add hidden neurons with random incoming weights that the next layer multiplies by 0.

    Args:
        architecture: a chain of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer that gets more outputs, from 0.
        count: of new neurons.
        generator: of their weights.

    Raises:
        ArchitectureError: there is no such hidden layer, or the layers are no chain.

    Law: the function stays.
    """
    width = _width(architecture, layer)
    added = torch.randint(width, (count,), generator=generator)
    sources = torch.cat([torch.arange(width), added])
    reading = torch.eye(width, len(sources), dtype=theta.dtype)
    wider, found = rewired(
        architecture,
        theta,
        layer=layer,
        sources=sources,
        factors=torch.ones(len(sources), dtype=theta.dtype),
        reading=reading,
    )
    state = wider.unflatten(found.clone())
    rows = state[f"{wider.stages[layer].weighted.name}.weight"][width:]
    rows.copy_(torch.randn(rows.shape, generator=generator, dtype=torch.float64) * rows.std())
    return wider, wider.flatten(state)


def with_split_neurons(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    count: int,
    generator: torch.Generator,
) -> tuple[LayeredArchitecture, Tensor]:
    """Split hidden neurons in two; the shares of their outgoing weights may be negative or above 1.

    Args:
        architecture: a chain of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer that gets more outputs, from 0.
        count: of neurons that are split, at most as many as there are.
        generator: of the choice and the shares.

    Raises:
        ArchitectureError: there is no such hidden layer, or the layers are no chain.

    Law: the function stays.
    """
    width = _width(architecture, layer)
    chosen = torch.randperm(width, generator=generator)[:count]
    sources = torch.cat([torch.arange(width), chosen])
    shares = torch.rand(len(chosen), generator=generator, dtype=torch.float64) * 2 - 0.5
    reading = torch.eye(width, len(sources), dtype=torch.float64)
    reading[chosen, chosen] = 1 - shares
    reading[chosen, torch.arange(width, len(sources))] = shares
    factors = torch.ones(len(sources), dtype=torch.float64)
    return rewired(architecture, theta, layer=layer, sources=sources, factors=factors, reading=reading)


def _width(architecture: LayeredArchitecture, layer: int) -> int:
    if not 0 <= layer < len(architecture.stages) - 1:
        raise ArchitectureError(
            f"layer {layer} is no hidden one, expected 0 to {len(architecture.stages) - 2} of "
            f"{architecture.describe()}"
        )
    return architecture.stages[layer].weighted.outputs
