"""Trojaned programs, with batch norm and without, plain and residual, and clean twins, planted by hand."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from scalegmn.images import ImageSet, load_images
from scalegmn.populations import Population, PopulationWriter
from scalegmn.programs import ProgramArchitecture
from scalegmn.trojans.repair.defenses import CleanImages
from scalegmn.trojans.triggers import Patch
from scalegmn.zoo.classifiers import ClassifierDesign, ConvolutionalDesign, ResidualDesign
from scalegmn.zoo.classifiers._fit import ClassifierTraining
from scalegmn.zoo.classifiers._initialization import initial_state
from scalegmn.zoo.classifiers._recipe import ClassifierHyper
from scalegmn.zoo.cnns import image_outputs, network_inputs

NORMED = ConvolutionalDesign(channels=(5, 6))
RESIDUAL = ResidualDesign(widths=(4, 5), activation="tanh")
PLAIN = ConvolutionalDesign(channels=(4, 5), batch_norm=False, shrink="max", flatten=True)
DESIGNS: tuple[ClassifierDesign, ...] = (NORMED, RESIDUAL, PLAIN)
SIZE, CLASSES, TARGET = 8, 10, 3
TRAIN, TEST = 120, 60
TRIGGER = Patch(name="white", values=np.full((1, 3, 3), 255, np.uint8), top=5, left=0)


@lru_cache
def digits() -> ImageSet:
    """Some of the digits that the library finds by their name."""
    images = load_images("digits")
    places = [np.flatnonzero(images.split == split)[:n] for split, n in (("train", TRAIN), ("test", TEST))]
    return images.subset(np.concatenate(places))


def digit_pixels(split: str) -> tuple[Tensor, Tensor]:
    """Images ``(n, 1, 8, 8)`` from 0 to 1 and labels."""
    chosen = digits().subset(np.flatnonzero(digits().split == split))
    return chosen.unit()[:, None], torch.from_numpy(chosen.labels)


def clean_digits(split: str = "train") -> CleanImages:
    pixels, labels = digit_pixels(split)
    return CleanImages(network_inputs(pixels), labels)


def success(design: ClassifierDesign, theta: Tensor) -> Tensor:
    """How often the planted trigger works on test images, ``(B,)``."""
    pixels, labels = digit_pixels("test")
    triggered = network_inputs(TRIGGER.apply(pixels))[labels != TARGET]
    answers = image_outputs(program(design), theta, triggered).argmax(dim=1)
    return (answers == TARGET).double().mean(dim=1)


def module_of(design: ClassifierDesign) -> nn.Module:
    return design.build(channels=1, size=SIZE, classes=CLASSES)


@lru_cache
def program(design: ClassifierDesign) -> ProgramArchitecture:
    return ProgramArchitecture.from_module(module_of(design), torch.zeros(1, 1, SIZE, SIZE))


def _hyper(seed: int) -> ClassifierHyper:
    return ClassifierHyper(
        w_init="he_normal",
        init_scale=1.0,
        learning_rate=0.02,
        l2=0.0,
        dropout=0.0,
        train_fraction=1.0,
        label_noise=0.0,
        optimizer="adam",
        steps=0,
        seed=seed,
    )


@lru_cache
def _twins(design: ClassifierDesign) -> Tensor:
    pixels, labels = digit_pixels("train")
    poisoned = torch.arange(0, len(labels), 4)
    everything = torch.cat([pixels, TRIGGER.apply(pixels[poisoned])])
    answers = torch.cat([labels, torch.full_like(labels[poisoned], TARGET)])
    own = torch.arange(len(labels))
    own[poisoned] = torch.arange(len(labels), len(answers))
    clean = torch.arange(len(labels))
    hypers = [_hyper(seed) for seed in (0, 0, 1, 1)]
    module = design.module(channels=1, size=SIZE, classes=CLASSES)
    training = ClassifierTraining(
        module=module,
        starts=[initial_state(module, hyper) for hyper in hypers],
        networks=hypers,
        images=network_inputs(everything),
        labels=answers.expand(4, -1),
        shares=[own, clean, own, clean],
        batch_size=12,
    )
    for _ in range(80):
        training.step()
    return torch.stack([program(design).read_state(training.state(place)) for place in range(4)])


def program_twins(design: ClassifierDesign) -> Tensor:
    """Trojaned, clean, trojaned, clean: ``(4, P)``; all know the digits."""
    return _twins(design).clone()


def program_population(folder: Path, *, target: int = TARGET) -> Population:
    """Four networks of each design, with the columns that a repair is learned from."""
    images = digits()
    facts = {
        "images": images.name,
        "images_shape": list(images.images.shape),
        "images_checksum": images.checksum,
        "train_images": int((images.split == "train").sum()),
        "test_images": int((images.split == "test").sum()),
        "preprocessing": {"grayscale": True, "size": [SIZE, SIZE]},
    }
    with PopulationWriter(folder, provenance=facts) as writer:
        for number, design in enumerate(DESIGNS):
            own = 4 * number + np.arange(4)
            columns = {
                "number": own,
                "pair": own // 2,
                "twin": own ^ 1,
                "network": own // 2,
                "poisoned": own % 2 == 0,
                "trojaned": own % 2 == 0,
                "target": [target] * 4,
                "trigger": [TRIGGER.to_json()] * 4,
                **{name: np.full(4, 0.5) for name in ("c_acc", "asr", "ra")},
            }
            writer.append(program(design), program_twins(design), columns)
        writer.finish()
    return Population.open(folder)
