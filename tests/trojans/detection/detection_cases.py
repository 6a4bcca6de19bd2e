"""A small population of trojaned networks that are easily told from their clean twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from scalegmn.networks import Activation, cnn
from scalegmn.populations import Population, PopulationWriter

CLASSES = 3
KINDS = ("patch", "warp")


def twins(
    folder: Path,
    *,
    pairs: int = 40,
    strength: float = 2.0,
    seed: int = 0,
    without: tuple[str, ...] = (),
    channels: tuple[int, ...] = (1, 4, 4),
) -> Population:
    """Random CNNs with two activations in pairs, the first of each with a large bias of the attacker's class.

    Of every pair that the kind ``warp`` was tried on in vain, the first one is as clean as the second.

    Args:
        folder: of the population.
        pairs: of networks.
        strength: how large that bias is.
        seed: of the networks.
        without: columns to leave out.
        channels: of the networks.
    """
    random = torch.Generator().manual_seed(seed)
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        for number, kind in enumerate(("relu", "tanh")):
            architecture = cnn(
                channels=channels, classes=CLASSES, activations=[Activation(kind)] * (len(channels) - 1)
            )
            own = np.arange(number, pairs, 2)
            base = 0.3 * torch.randn(len(own), architecture.num_parameters, generator=random)
            theta = base.repeat_interleave(2, dim=0)
            theta += 0.02 * torch.randn(theta.shape, generator=random)
            failed = own % 10 >= 8
            target = own % CLASSES
            trojaned = np.stack([~failed, np.zeros_like(failed)], axis=1).flatten()
            bias = architecture.parameters[-1]
            assert bias.shape == (CLASSES,)
            rows = np.flatnonzero(trojaned)
            theta[rows, bias.start + np.repeat(target, 2)[rows]] += strength
            columns = {
                "network": np.repeat(own, 2),
                "trojaned": trojaned,
                "poisoned": np.tile([True, False], len(own)),
                "failed_attack": np.stack([failed, np.zeros_like(failed)], axis=1).flatten(),
                "target": np.repeat(target, 2),
                "trigger_kind": np.repeat([KINDS[n // 2 % 2] for n in own], 2),
                "activation": [kind] * (2 * len(own)),
            }
            kept = {name: values for name, values in columns.items() if name not in without}
            writer.append(architecture, theta, kept)
        writer.finish()
    return Population.open(folder)


def options(population: Path, output: Path, **changes: object) -> list[str]:
    """A command line for a training that takes a second; `changes` name keys with __ for the dot."""
    values: dict[str, object] = {
        "task": "trojan_detection",
        "data.population": population,
        "data.batch_size": 16,
        "data.validation": 0.2,
        "data.test": 0.3,
        "model.features": 8,
        "model.layers": 2,
        "training.epochs": 3,
        "training.learning_rate": 0.01,
        "training.warmup_steps": 3,
        "training.accelerator": "cpu",
        "boosting.networks_in_leaf": 3,
        "boosting.iterations": 20,
        "logging.tensorboard": "false",
        "logging.progress": "false",
        "output": output,
    } | {key.replace("__", "."): value for key, value in changes.items()}
    return [f"--{key}={value}" for key, value in values.items()]
