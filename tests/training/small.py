"""Small populations and configurations that the tests of training and of its commands share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter

WIDTHS = (2, 6, 6, 1)
CLASSES = 3


def small_population(
    folder: Path,
    *,
    networks: int = 96,
    widths: tuple[int, ...] = WIDTHS,
    seed: int = 0,
    split: bool = True,
    classes: int = CLASSES,
    more: tuple[int, ...] | None = None,
    numbers: bool = False,
    frequency: float = 30.0,
) -> Population:
    """Random sine networks, two per image, whose label is how large the weights of the last layer are.

    Sizes do not change under permutations, signs and phases, so the label is one that a metanetwork can
    learn.  With `more`, half of the networks have these widths.  With `numbers` there is a column `number` of
    shares that grow with the label.
    """
    generator = torch.Generator().manual_seed(seed)
    with PopulationWriter(folder, provenance={"maker": "test", "seed": seed}) as writer:
        for part in (widths, more) if more else (widths,):
            architecture = siren(widths=part, frequency=frequency)
            count = networks // (2 if more else 1)
            theta = 0.1 * torch.randn(count, architecture.num_parameters, generator=generator)
            label = torch.arange(count) // 2 % classes
            last = architecture.parameters[-2]
            theta[:, last.start : last.stop] *= 3.0 ** label[:, None]
            columns: dict[str, object] = {"label": label.numpy(), "image": np.arange(count) // 2}
            if numbers:
                columns["number"] = (label.numpy() + np.linspace(0.1, 0.9, count)) / classes
            if split:
                columns["split"] = ["test" if i % 8 >= 6 else "train" for i in range(count)]
            writer.append(architecture, theta, columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


def options(population: Path, output: Path, **changes: object) -> list[str]:
    """A command line for a training that takes a second; `changes` name keys with __ for the dot."""
    values: dict[str, object] = {
        "data.population": population,
        "data.batch_size": 16,
        "data.validation": 0.25,
        "model.features": 8,
        "model.layers": 2,
        "model.dropout": 0.2,
        "training.epochs": 2,
        "training.learning_rate": 0.01,
        "training.warmup_steps": 3,
        "training.accelerator": "cpu",
        "logging.tensorboard": "false",
        "logging.progress": "false",
        "output": output,
    } | {key.replace("__", "."): value for key, value in changes.items()}
    return [f"--{key}={value}" for key, value in values.items()]
