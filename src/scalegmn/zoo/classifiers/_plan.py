"""Which networks to make, and in what pieces.

Networks are numbered.  Consecutive ones share a design and are trained together; shards are whole such
pieces, so that no piece depends on how the work is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.images import ImageSet
from scalegmn.networks import Architecture
from scalegmn.networks.modules import read_module
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import numpy_generator
from scalegmn.workers import fields_alone
from scalegmn.zoo import check_counts
from scalegmn.zoo.cnns import TrainingImages

from ._design import Classifier, ClassifierDesign
from ._recipe import ClassifierHyper, ClassifierRecipe


@final
@dataclass(frozen=True)
class ClassifierJob:
    """Networks that are trained together.

    Attributes:
        design: its number.
        networks: their numbers.
        hypers: their hyper-parameters.
    """

    design: int
    networks: tuple[int, ...]
    hypers: tuple[ClassifierHyper, ...]


@final
@dataclass(frozen=True, eq=False)
class ClassifierPlan:
    """A population to be made; see :func:`~scalegmn.zoo.classifiers.make_classifiers`."""

    images: ImageSet
    recipe: ClassifierRecipe
    networks: int
    seed: int
    wanted_shard: int
    device: torch.device

    def __post_init__(self) -> None:
        check_counts({"networks": self.networks, "shard_size": self.wanted_shard})
        # What is wrong with the images is said before any work.
        _ = self.prepared

    def __getstate__(self) -> dict[str, object]:
        return fields_alone(self)

    @property
    def shard_size(self) -> int:
        """Networks of a shard: whole pieces."""
        each = self.recipe.networks_each
        return -(-self.wanted_shard // each) * each

    @cached_property
    def prepared(self) -> TrainingImages:
        """The images, as the networks take them."""
        return TrainingImages(
            images=self.images,
            grayscale=self.recipe.grayscale,
            image_size=self.recipe.image_size,
            device=self.device,
        )

    @property
    def train(self) -> tuple[Tensor, Tensor]:
        """Training images and labels."""
        return self.prepared.train

    @property
    def test(self) -> tuple[Tensor, Tensor]:
        """Test images and labels."""
        return self.prepared.test

    def module(self, design: int) -> Classifier:
        """A new module of a design, for these images.

        Raises:
            ConfigurationError: the images are too small, or not square.
        """
        channels, height, width = self.train[0].shape[1:]
        if height != width:
            raise ConfigurationError(
                f"{self.images.name}: the images have {height} x {width} pixels, expected as many rows as "
                "columns"
            )
        return self.recipe.designs[design].build(channels=channels, size=height, classes=self.images.classes)

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architecture of every design in use, traced once; all networks of a design share it."""
        used = min(len(self.recipe.designs), -(-self.networks // self.recipe.networks_each))
        channels, size = self.train[0].shape[1:3]
        return tuple(
            architecture_of(
                design,
                channels=channels,
                size=size,
                classes=self.images.classes,
                as_layers=self.recipe.as_layers,
            )
            for design in self.recipe.designs[:used]
        )

    def check(self) -> None:
        """Find out whether networks of the recipe take such images, before anything is made.

        Raises:
            ConfigurationError: they do not, or a network would see less than a mini-batch.
        """
        fewest = self.share_size(min(self.recipe.space.train_fractions))
        if fewest < self.recipe.batch_size:
            raise ConfigurationError(
                f"batch_size is {self.recipe.batch_size}, but the smallest of train_fractions leaves a "
                f"network {fewest} of {len(self.train[0])} images; expected at least a mini-batch"
            )
        for design in range(len(self.recipe.designs)):
            self.module(design)

    def share_size(self, fraction: float) -> int:
        """How many training images a fraction is."""
        return max(1, int(fraction * len(self.train[0])))

    def jobs(self, networks: range) -> list[ClassifierJob]:
        """The pieces of a shard."""
        each = self.recipe.networks_each
        return [
            self._job(range(start, min(start + each, networks.stop)))
            for start in range(networks.start, networks.stop, each)
        ]

    def _job(self, networks: Sequence[int]) -> ClassifierJob:
        hypers = tuple(self.recipe.hyper(self.seed, network) for network in networks)
        return ClassifierJob(self.recipe.design(networks[0]), tuple(networks), hypers)

    def share(self, hyper: ClassifierHyper) -> Tensor:
        """The training images that a network sees, ``(m,)``."""
        order = numpy_generator(hyper.seed, "share").permutation(len(self.train[0]))
        return torch.from_numpy(order[: self.share_size(hyper.train_fraction)])

    def labels(self, hyper: ClassifierHyper) -> Tensor:
        """The labels that a network is trained by, ``(N,)``: some of them random."""
        generator, right = numpy_generator(hyper.seed, "labels"), self.train[1]
        replaced = torch.from_numpy(generator.random(len(right)) < hyper.label_noise)
        drawn = torch.from_numpy(generator.integers(self.images.classes, size=len(right)))
        return torch.where(replaced.to(right.device), drawn.to(right), right)

    def provenance(self) -> dict[str, object]:
        """Everything that decides what the networks become."""
        return {
            "maker": "make_classifiers",
            "recipe": self.recipe.to_plain(),
            **self.prepared.provenance(),
            "networks": self.networks,
            "seed": self.seed,
            "shard_size": self.shard_size,
            "device": self.device.type,
        }


@lru_cache(maxsize=256)
def architecture_of(
    design: ClassifierDesign, *, channels: int, size: int, classes: int, as_layers: bool
) -> Architecture:
    """What networks of a design are stored as; tracing takes about a second, and is done once.

    Args:
        design: of the networks.
        channels: of the images.
        size: their height and width.
        classes: outputs.
        as_layers: layers that stand in a list stay one.

    Raises:
        ConfigurationError: images of that size are too small.
    """
    module = design.build(channels=channels, size=size, classes=classes)
    layers = module.layers if as_layers else None
    if layers is not None:
        return read_module(layers, input_size=(size, size))[0]
    return ProgramArchitecture.from_module(module, [torch.zeros(1, channels, size, size)])
