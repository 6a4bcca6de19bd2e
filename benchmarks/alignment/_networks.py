"""Networks of four kinds, trained on FashionMNIST from different seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn import load_images
from scalegmn.checkpoints import read_state, write_state
from scalegmn.programs import ProgramArchitecture
from scalegmn.zoo.classifiers import ConvolutionalDesign, ResidualDesign

SIDE: Final = 14
CLASSES: Final = 10
BATCH: Final = 128
RATE: Final = 5e-3
# Of the pixels of FashionMNIST from 0 to 1.
MEAN, DEVIATION = 0.286, 0.3


@dataclass(frozen=True, eq=False)
class Images:
    """Images of half the height and width, standardized, and their labels.

    Attributes:
        train, test: ``(n, 1, 14, 14)``.
        train_labels, test_labels: ``(n,)``.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def images_from(source: str) -> Images:
    """FashionMNIST, from whatever :func:`scalegmn.load_images` reads."""
    found = load_images(source)
    halved = functional.avg_pool2d(torch.from_numpy(found.images).float()[:, None] / 255, 2)
    pixels = (halved - MEAN) / DEVIATION
    labels = torch.from_numpy(found.labels)
    train, test = (torch.from_numpy(np.asarray(found.split) == name) for name in ("train", "test"))
    return Images(pixels[train], labels[train], pixels[test], labels[test])


def perceptron(activation: type[nn.Module]) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(SIDE**2, 64),
        activation(),
        nn.Linear(64, 64),
        activation(),
        nn.Linear(64, CLASSES),
    )


def build(kind: str) -> nn.Module:
    """A module of a kind; its parameters are arbitrary."""
    sizes = {"channels": 1, "size": SIDE, "classes": CLASSES}
    if kind == "VGG with batch norm":
        return ConvolutionalDesign(channels=(16, 32, 32), shrink="max").build(**sizes)
    if kind == "ResNet-20":
        return ResidualDesign(widths=(8, 16, 32), blocks=3).build(**sizes)
    return perceptron(nn.Tanh if kind == "MLP, tanh" else nn.ReLU)


KINDS: Final = {
    "MLP, relu": "mlp",
    "MLP, tanh": "mlpt",
    "VGG with batch norm": "vgg",
    "ResNet-20": "resnet",
}
"""Kinds of networks, and how their files are called."""


EPOCHS: Final = {"MLP, relu": 4, "MLP, tanh": 4, "VGG with batch norm": 4, "ResNet-20": 3}


def train(kind: str, seed: int, images: Images) -> nn.Module:
    """A network of a kind: Adam, one cycle of learning rates, no decay."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(kind)
        for part in module.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
                part.reset_parameters()
        optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
        rounds = len(images.train) // BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS[kind] * rounds)
        for _ in range(EPOCHS[kind]):
            module.train()
            order = torch.randperm(len(images.train))
            for number in range(rounds):
                rows = order[number * BATCH : (number + 1) * BATCH]
                loss = functional.cross_entropy(module(images.train[rows]), images.train_labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return module.eval()


def network(kind: str, seed: int, images: Images, folder: Path) -> tuple[ProgramArchitecture, Tensor]:
    """A trained network of a folder, which is trained if the folder lacks it."""
    module = build(kind)
    path = folder / f"{KINDS[kind]}_{seed}.pt"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_state(path, train(kind, seed, images).state_dict())
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 1, SIDE, SIDE))
    return architecture, architecture.read_state(read_state(path).tensors, origin=str(path))
