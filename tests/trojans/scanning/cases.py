"""A small detector, and files for it, that the tests of scanning share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scalegmn.checkpoints import write_state
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import parse_config, train
from tests.training.small import options

CLASSES = 3


def architecture(activation: str = "relu") -> Architecture:
    return mlp(widths=(4, 5, CLASSES), activations=[Activation(activation)])


def networks(count: int, *, activation: str = "relu", seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Parameters ``(count, P)``, whether they are trojaned, and for which class.

    The output neuron of the attacker's class has large weights; every second network is trojaned.
    """
    generator = torch.Generator().manual_seed(seed)
    network = architecture(activation)
    theta = torch.randn(count, network.num_parameters, generator=generator)
    trojaned = torch.arange(count) % 2 == 1
    target = torch.randint(0, CLASSES, (count,), generator=generator)
    last = network.parameter("2.weight")
    rows = theta[:, last.start : last.stop].reshape(count, CLASSES, -1)
    factor = torch.ones(count, CLASSES)
    factor[trojaned, target[trojaned]] = 6.0
    rows *= factor[:, :, None]
    return theta, trojaned, target


def detector_population(
    folder: Path, *, count: int = 96, activations: tuple[str, ...] = ("relu", "tanh")
) -> Population:
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        for number, activation in enumerate(activations):
            theta, trojaned, target = networks(count, activation=activation, seed=number)
            columns = {
                "trojaned": trojaned.numpy(),
                "target": target.numpy(),
                "network": np.arange(count) // 2 + number * count,
            }
            writer.append(architecture(activation), theta, columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


def train_detector(folder: Path, population: Path, **changes: object) -> Path:
    """A run folder."""
    wanted: dict[str, object] = {
        "task": "trojan_detection",
        "data__validation": 0.4,
        "training__epochs": 8,
        "model__dropout": 0.0,
        "model__statistics": True,
    }
    config, problems = parse_config(options(population, folder, **{**wanted, **changes}))
    assert config is not None and not problems, problems
    train(config)
    return folder


def write_networks(folder: Path, *, count: int = 4, activation: str = "relu", seed: int = 7) -> list[Path]:
    """Networks of the kind that the detector knows, one safetensors file each, the activation beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    theta, _, _ = networks(count, activation=activation, seed=seed)
    paths = []
    for number, row in enumerate(theta):
        paths.append(folder / f"{activation}_{number}.safetensors")
        state = architecture(activation).unflatten(row)
        write_state(paths[-1], state, extras={"activation": activation})
    return paths
