"""Small trojaned networks, their clean twins and images, planted by hand for the tests of repairs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scalegmn.images import ImageSet
from scalegmn.networks import Activation, Architecture, cnn
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.repair.defenses import CleanImages
from scalegmn.trojans.triggers import Patch
from scalegmn.zoo.cnns import CnnTraining, Hyperparameters, initial_parameters, network_inputs

CLASSES = 3
TARGET = 0
TRIGGER = Patch(name="white", values=np.full((1, 3, 3), 255, np.uint8), top=0, left=0)
ARCHITECTURE = cnn(channels=(1, 5, 6), classes=CLASSES, activations=[Activation("relu")] * 2, stride=1)
TANH = cnn(channels=(1, 5, 6), classes=CLASSES, activations=[Activation("tanh")] * 2, stride=1)


@lru_cache
def stripes(train: int = 60, test: int = 24) -> ImageSet:
    """Dark images of 8 x 8 pixels with upright, lying or slanting stripes, moved at random."""
    rng = np.random.default_rng(0)
    count = train + test
    labels = np.arange(count) % CLASSES
    rows, columns = np.indices((8, 8))
    lines = np.stack([columns, rows, rows + columns])[labels] + rng.integers(0, 4, (count, 1, 1))
    images = (np.where(lines % 4 < 2, 110, 10) + rng.integers(0, 20, (count, 8, 8))).astype(np.uint8)
    return ImageSet(images, labels, np.array(["train"] * train + ["test"] * test), "stripes")


def pixels_of(split: str) -> tuple[Tensor, Tensor]:
    """Images ``(n, 1, 8, 8)`` from 0 to 1 and labels."""
    images = stripes()
    chosen = images.subset(np.flatnonzero(images.split == split))
    return chosen.unit()[:, None], torch.from_numpy(chosen.labels)


def clean_images(split: str = "train") -> CleanImages:
    pixels, labels = pixels_of(split)
    return CleanImages(network_inputs(pixels), labels)


def hyper(seed: int) -> Hyperparameters:
    return Hyperparameters(
        activation="",
        w_init="he_normal",
        init_std=0.0,
        learning_rate=0.03,
        l2=0.0,
        dropout=0.0,
        train_fraction=1.0,
        optimizer="adam",
        seed=seed,
    )


@lru_cache
def _twins(architecture: Architecture) -> Tensor:
    pixels, labels = pixels_of("train")
    poisoned = torch.arange(0, len(labels), 4)
    everything = torch.cat([pixels, TRIGGER.apply(pixels[poisoned])])
    answers = torch.cat([labels, torch.full_like(labels[poisoned], TARGET)])
    own = torch.arange(len(labels))
    own[poisoned] = torch.arange(len(labels), len(answers))
    clean = torch.arange(len(labels))
    hypers = [hyper(seed) for seed in (0, 0, 1, 1)]
    training = CnnTraining(
        architecture=architecture,
        theta=initial_parameters(architecture, hypers),
        networks=hypers,
        images=network_inputs(everything),
        labels=answers,
        shares=torch.stack([own, clean, own, clean]),
        batch_size=12,
    )
    for _ in range(15):
        training.epoch()
    return training.theta


def twins(architecture: Architecture = ARCHITECTURE) -> Tensor:
    """Trojaned, clean, trojaned, clean: ``(4, P)``; all know the stripes."""
    return _twins(architecture).clone()


def twin_population(folder: Path) -> Population:
    """Four networks of each architecture, with the columns that evaluating reads."""
    images = stripes()
    facts = {
        "images": images.name,
        "images_shape": list(images.images.shape),
        "images_checksum": images.checksum,
        "train_images": int((images.split == "train").sum()),
        "test_images": int((images.split == "test").sum()),
        "preprocessing": {"grayscale": True, "size": [8, 8]},
    }
    with PopulationWriter(folder, provenance=facts) as writer:
        for number, architecture in enumerate((ARCHITECTURE, TANH)):
            own = 4 * number + np.arange(4)
            columns = {
                "number": own,
                "twin": own ^ 1,
                "network": own // 2,
                "poisoned": own % 2 == 0,
                "trojaned": own % 2 == 0,
                "target": [TARGET] * 4,
                "trigger": [TRIGGER.to_json()] * 4,
            }
            writer.append(architecture, twins(architecture), columns)
        writer.finish()
    return Population.open(folder)
