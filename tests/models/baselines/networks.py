"""Networks that the tests of baselines share, and how much a prediction changes along a symmetry."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models import Predictor
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    Skip,
    cnn,
    mlp,
    siren,
)
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements, draw_pair
from scalegmn.testing.parameters import random_parameters

ZOO = cnn(channels=(1, 4, 5, 3), classes=4, activations=[Activation("relu")] * 3)
TANH_ZOO = cnn(channels=(1, 4, 5, 3), classes=4, activations=[Activation("tanh")] * 3)
DEEPER = cnn(channels=(1, 3, 4, 3, 4), classes=4, activations=[Activation("gelu")] * 4, stride=1)
SIREN = siren(widths=(2, 5, 4, 3))
SHALLOW = mlp(widths=(3, 6, 2), activations=[Activation("tanh")])
LINEAR = mlp(widths=(3, 2), activations=[])
RESIDUAL = LayeredArchitecture(
    (
        Conv("0", 1, 4, (3, 3), padding=(1, 1)),
        Activate(Activation("relu")),
        Conv("1", 4, 4, (3, 3), padding=(1, 1), bias=False),
        Activate(Activation("prelu"), "slope", 4),
        Conv("2", 4, 4, (3, 3), padding=(1, 1), bias=False),
        Activate(Activation("tanh")),
        Pool("average"),
        Flatten((1, 1)),
        Dense("dense", 4, 4),
    ),
    (Skip(0, 2, 3),),
)
FLATTENED = LayeredArchitecture(
    (
        Conv("0", 2, 3, (5, 5)),
        Activate(Activation("relu")),
        Flatten((5, 5)),
        Dense("1", 75, 4),
        Activate(Activation("prelu"), "slope", 1),
        Dense("2", 4, 4),
    )
)
"""Reads images of 9 x 9 pixels."""

PERMUTATIONS = Elements(rescale=False, shift_phase=False)
SCALES = Elements(permute=False, shift_phase=False, spread=10.0)


def batch_of(
    *architectures: Architecture, count: int = 4, seed: int = 0, dtype: torch.dtype = torch.float64
) -> NetworkBatch:
    """Random networks, `count` of each architecture."""
    parts = tuple(
        (architecture, random_parameters(architecture, count, generator=generator(seed, number), dtype=dtype))
        for number, architecture in enumerate(architectures)
    )
    return NetworkBatch(parts, torch.arange(count * len(parts)))


def transformed(batch: NetworkBatch, elements: Elements, *, seed: int = 1) -> NetworkBatch:
    """The networks, each transformed by a symmetry of its own."""
    pairs = [draw_pair(*part, generator=generator(seed), elements=elements) for part in batch.parts]
    return batch.with_theta([pair.moved for pair in pairs])


@torch.no_grad()
def change(model: Predictor, batch: NetworkBatch, other: NetworkBatch) -> float:
    """Largest change of a prediction, relative to how much predictions differ between networks."""
    before, after = model.predict(batch), model.predict(other)
    spread = before.std(0).mean()
    assert spread > 0
    return float((after - before).abs().max() / spread)


def alone(batch: NetworkBatch) -> list[NetworkBatch]:
    """Every network of the batch as a batch of its own."""
    rows: list[tuple[Architecture, Tensor]] = [
        (architecture, row[None]) for architecture, theta in batch.parts for row in theta
    ]
    return [NetworkBatch.from_parameters(*row) for row in rows]
