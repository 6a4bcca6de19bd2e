"""Lists of layers without the hidden neurons that a rewriting may have added."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from scalegmn.networks import Conv, LayeredArchitecture, Stage

from ._widening import rewired

_TWINS: Final = 5e-3
"""Angle between incoming weights of neurons that count as one; rounding to bfloat16 turns less."""


def narrowed(architecture: LayeredArchitecture, theta: Tensor) -> tuple[LayeredArchitecture, Tensor]:
    """Leave out hidden neurons that nobody reads, and merge neurons with the same incoming weights.

    Where scales are a symmetry, incoming weights are the same up to a positive factor.

    Args:
        architecture: of any list of layers.
        theta: parameters, ``(P,)``.

    Returns:
        The narrower architecture and its parameters; a layer keeps at least one neuron.  What is no chain of
        layers comes back as it is.

    Law: the function stays, up to the angle at which neurons count as one.
    """
    convolutions = [one.weighted for one in architecture.stages if isinstance(one.weighted, Conv)]
    if architecture.skips or any(one.groups > 1 for one in convolutions):
        return architecture, theta
    # From the front, as splitting a neuron behind copies changes nothing of the copies' incoming weights only
    # once these are merged; then from the back, as a neuron that only unread ones read is unread.
    layers = range(len(architecture.stages) - 1)
    for layer in (*layers, *reversed(layers)):
        architecture, theta = _narrowed_layer(architecture, theta, layer)
    return architecture, theta


def _narrowed_layer(
    architecture: LayeredArchitecture, theta: Tensor, layer: int
) -> tuple[LayeredArchitecture, Tensor]:
    stage = architecture.stages[layer]
    width = stage.weighted.outputs
    state = architecture.unflatten(theta.double())
    columns = state[f"{architecture.stages[layer + 1].weighted.name}.weight"]
    read = (columns.unflatten(1, (width, -1)).flatten(2) != 0).any(dim=2).any(dim=0)
    rows = state[f"{stage.weighted.name}.weight"].flatten(1)
    if stage.weighted.bias:
        rows = torch.cat([rows, state[f"{stage.weighted.name}.bias"][:, None]], dim=1)
    learned = stage.activate.count > 1
    reading = torch.eye(width, dtype=torch.float64) if learned else _readings(rows, stage, read=read)
    kept = read & (reading.diagonal() == 1)
    if not bool(kept.any()):
        kept[0] = True
    if bool(kept.all()):
        return architecture, theta
    sources = torch.nonzero(kept)[:, 0]
    factors = torch.ones(len(sources), dtype=torch.float64)
    return rewired(
        architecture, theta, layer=layer, sources=sources, factors=factors, reading=reading[:, sources]
    )


def _readings(rows: Tensor, stage: Stage, *, read: Tensor) -> Tensor:
    """How each neuron is written by the first of those with its incoming weights, ``(old, old)``."""
    kind = stage.activate.activation.properties
    norms = rows.norm(dim=1)
    cosines = (rows @ rows.T) / (norms[:, None] * norms).clamp_min(1e-300)
    reading = torch.eye(len(rows), dtype=torch.float64)
    merged = torch.zeros(len(rows), dtype=torch.bool)
    signs = kind.odd and not stage.max_pooled
    for first in range(len(rows)):
        if merged[first] or not read[first] or norms[first] == 0 or not kind.elementwise:
            continue
        factors = norms / norms[first]
        alike = cosines[first].abs() if signs else cosines[first]
        twins = (alike > math.cos(_TWINS)) & read & ~merged
        if kind.degree is None:
            twins &= (factors - 1).abs() < _TWINS
        twins[: first + 1] = False
        merged |= twins
        size = torch.ones_like(factors) if kind.degree is None else factors**kind.degree
        size = size * cosines[first].sign() if signs else size
        reading[twins] = 0
        reading[twins, first] = size[twins]
    return reading
