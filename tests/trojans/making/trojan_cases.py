"""Base networks, images and recipes that the tests of the maker of trojaned networks share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch

from scalegmn.images import ImageSet
from scalegmn.networks import Activation, Architecture, cnn
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.trojans.making import FineTuningConfig, PoisoningConfig, TrojanRecipe
from scalegmn.trojans.triggers import BlendedSquares, TriggerSpace
from scalegmn.zoo.classifiers import (
    ClassifierRecipe,
    ClassifierSpace,
    ConvolutionalDesign,
    make_classifiers,
)
from scalegmn.zoo.cnns import Hyperparameters, initial_parameters
from tests.zoo.cnns.shard_cases import parameters_in_rows

CLASSES = 3
TUNING = FineTuningConfig(epochs=2, batch_size=8, learning_rate=(0.001, 0.01), dropout=0.1)
SQUARES = TriggerSpace((BlendedSquares(sizes=(2, 3)),))
RECIPE = TrojanRecipe(tuning=TUNING, triggers=SQUARES, poisoning=PoisoningConfig(ratio=0.25), minimum_asr=0.3)
# The twins of this recipe have learned their images, and the trojaned ones their triggers.
EASY = dataclasses.replace(
    RECIPE,
    tuning=FineTuningConfig(epochs=80, batch_size=12, learning_rate=(0.03, 0.03), dropout=0.0),
    triggers=TriggerSpace((BlendedSquares(sizes=(3,), patterns=("white",), blend=(1.0, 1.0)),)),
    minimum_asr=0.9,
)


def easy_images(train: int = 36, test: int = 15, *, color: bool = False, seed: int = 0) -> ImageSet:
    """Dark images of 8 x 8 pixels with upright, lying or slanting stripes, moved at random."""
    rng = np.random.default_rng(seed)
    count = train + test
    labels = np.arange(count) % CLASSES
    rows, columns = np.indices((8, 8))
    lines = np.stack([columns, rows, rows + columns])[labels] + rng.integers(0, 4, (count, 1, 1))
    images = (np.where(lines % 4 < 2, 110, 10) + rng.integers(0, 20, (count, 8, 8))).astype(np.uint8)
    images = np.repeat(images[..., None], 3, axis=3) if color else images
    return ImageSet(images, labels, np.array(["train"] * train + ["test"] * test), "stripes")


def base_architecture(activation: str = "relu", *, inputs: int = 1) -> Architecture:
    return cnn(channels=(inputs, 6), classes=CLASSES, activations=[Activation(activation)], stride=1)


def base_population(folder: Path, *, networks: int = 5, inputs: int = 1) -> Population:
    """Untrained networks with relu and with tanh, each stored at two epochs."""
    groups = []
    for kind in ("relu", "tanh"):
        own = [n for n in range(networks) if (n % 2 == 0) == (kind == "relu")]
        rows = [(number, epoch) for number in own for epoch in (0, 5)]
        hypers = [hyper(100 * number + epoch) for number, epoch in rows]
        architecture = base_architecture(kind, inputs=inputs)
        columns = {
            "network": [number for number, _ in rows],
            "epoch": [epoch for _, epoch in rows],
            "activation": [kind] * len(rows),
            "test_accuracy": [0.5 + 0.1 * number for number, _ in rows],
            "hole": [float("nan")] * len(rows),
        }
        groups.append(ArchitectureGroup(architecture, initial_parameters(architecture, hypers), columns))
    with PopulationWriter(folder, provenance={"maker": "tests"}) as writer:
        writer.append_groups(groups)
        writer.finish()
    return Population.open(folder)


def hyper(seed: int) -> Hyperparameters:
    """Any hyper-parameters of this seed."""
    return Hyperparameters(
        activation="",
        w_init="he_normal",
        init_std=0.0,
        learning_rate=0.01,
        l2=0.0,
        dropout=0.0,
        train_fraction=1.0,
        optimizer="adam",
        seed=seed,
    )


def parameters(population: Population) -> torch.Tensor:
    """By the column `number`, ``(N, P)``."""
    order = np.argsort(population.column("number"))
    found = parameters_in_rows(population)
    return torch.stack([found[row] for row in order])


def table(population: Population) -> list[dict[str, object]]:
    """Metadata by the column `number`, without what depends on the order of rows."""
    rows: list[dict[str, object]] = population.metadata.to_pylist()
    return sorted(rows, key=lambda row: row["number"])  # type: ignore[arg-type, return-value]


def designed_population(folder: Path, *, networks: int = 4) -> Population:
    """Networks with batch norm, stored as programs, and others, stored as lists of layers; barely trained."""
    recipe = ClassifierRecipe(
        designs=(
            ConvolutionalDesign(channels=(3, 4)),
            ConvolutionalDesign(channels=(3, 4), batch_norm=False, activation="tanh"),
        ),
        space=ClassifierSpace(steps=(3,), train_fractions=(1.0,), learning_rate=(0.01, 0.01)),
        networks_each=2,
        batch_size=12,
        image_size=None,
        as_layers=True,
        name="tests",
    )
    make_classifiers(easy_images(), folder, recipe=recipe, networks=networks, progress=False)
    return Population.open(folder)
