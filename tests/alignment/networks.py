"""Small networks of several families with random parameters, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from scalegmn.networks import Activation, Architecture, cnn, mlp, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from scalegmn.zoo.classifiers import ClassifierDesign, ResidualDesign, TransformerDesign

_DESIGNS: Mapping[str, ClassifierDesign] = {
    "resnet": ResidualDesign(widths=(3, 4)),
    "transformer": TransformerDesign(width=6, depth=1, hidden=8),
}
_LAYERED: Mapping[str, Architecture] = {
    "relu": mlp(widths=(4, 9, 7, 3), activations=[Activation("relu")] * 2),
    "tanh": mlp(widths=(4, 9, 7, 3), activations=[Activation("tanh")] * 2),
    "siren": siren(widths=(2, 8, 8, 1)),
    "cnn": cnn(channels=(1, 5, 6, 4), activations=[Activation("relu")] * 3),
}
FAMILIES = (*_LAYERED, *_DESIGNS)


@cache
def architecture_of(family: str) -> Architecture:
    if family in _LAYERED:
        return _LAYERED[family]
    module = _DESIGNS[family].build(channels=1, size=14, classes=5)
    return ProgramArchitecture.from_module(module, torch.zeros(1, 1, 14, 14))


def drawn(architecture: Architecture, seed: int = 0) -> Tensor:
    """Parameters of the size of trained ones, ``(P,)`` float64."""
    random = generator(seed, "parameters")
    parts = []
    for parameter in architecture.parameters:
        value = torch.randn(parameter.shape, generator=random, dtype=torch.float64)
        if len(parameter.shape) > 1:
            value = value / value[0].numel() ** 0.5
        elif "bias" not in parameter.name and "mean" not in parameter.name:
            # Gains and deviations.
            value = value.abs() + 0.5
        parts.append(value.reshape(-1))
    return torch.cat(parts)


def moved(architecture: Architecture, theta: Tensor, seed: int = 0) -> Tensor:
    """The same function by other parameters."""
    random = generator(seed, "element")
    return random_symmetry(architecture, generator=random, spread=5.0, shift_phase=True).apply(theta)
