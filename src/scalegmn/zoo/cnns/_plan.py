"""Which networks to make, and in what pieces.

Networks are numbered.  A block is a fixed number of consecutive ones; within it, those of the same
architecture and the same fraction of the images are trained together, in jobs of limited size.  Blocks
depend on nothing but the numbers, so shards, which are whole blocks, never cut a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError, ConfigurationError
from scalegmn.images import ImageSet
from scalegmn.networks import LayeredArchitecture
from scalegmn.seeding import numpy_generator
from scalegmn.workers import fields_alone
from scalegmn.zoo import check_counts
from scalegmn.zoo.cnns._forward import forward
from scalegmn.zoo.cnns._hyperparameters import Hyperparameters
from scalegmn.zoo.cnns._recipe import CnnRecipe
from scalegmn.zoo.cnns._training_images import TrainingImages

_BLOCK: Final = 128


@final
@dataclass(frozen=True)
class TrainingJob:
    """Networks that are trained together.

    Attributes:
        architecture: of all of them.
        networks: their numbers.
        hypers: their hyper-parameters.
        images: how many images each of them sees.
    """

    architecture: LayeredArchitecture
    networks: tuple[int, ...]
    hypers: tuple[Hyperparameters, ...]
    images: int


@final
@dataclass(frozen=True, eq=False)
class CnnPlan:
    """A population to be made; see :func:`~scalegmn.zoo.cnns.make_cnns`."""

    images: ImageSet
    recipe: CnnRecipe
    networks: int
    seed: int
    wanted_shard: int
    most_together: int
    device: torch.device

    def __post_init__(self) -> None:
        check_counts(
            {"networks": self.networks, "shard_size": self.wanted_shard, "inner_batch": self.most_together}
        )
        # What is wrong with the images is said before any work.
        _ = self.prepared

    def __getstate__(self) -> dict[str, object]:
        return fields_alone(self)

    @property
    def block(self) -> int:
        """Networks of a block."""
        unit = self.recipe.family.unit
        return unit * max(1, _BLOCK // unit)

    @property
    def shard_size(self) -> int:
        """Networks of a shard: whole blocks."""
        return -(-self.wanted_shard // self.block) * self.block

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

    def check(self) -> None:
        """Find out whether networks of the recipe take such images, before anything is made.

        Raises:
            ConfigurationError: they do not.
        """
        architecture = self._architecture(0, self.recipe.hyper(self.seed, 0))
        image = self.train[0][:1]
        state = architecture.unflatten(torch.zeros(1, architecture.num_parameters, device=self.device))
        try:
            forward(architecture, state, image.permute(2, 1, 3, 0)[None])
        except ArchitectureError as error:
            size = " x ".join(str(length) for length in image.shape[2:])
            raise ConfigurationError(
                f"{self.images.name}: the images have {size} pixels, which the networks cannot take: {error}"
            ) from error

    def _architecture(self, network: int, hyper: Hyperparameters) -> LayeredArchitecture:
        inputs, outputs = self.train[0].shape[1], self.images.classes
        return self.recipe.family.architecture(network, hyper, seed=self.seed, inputs=inputs, outputs=outputs)

    def jobs(self, networks: range) -> list[TrainingJob]:
        """The jobs of whole blocks, those that take longest first."""
        found = []
        for start in range(networks.start, networks.stop, self.block):
            found += self._block_jobs(range(start, min(start + self.block, networks.stop)))
        return sorted(found, key=lambda job: -job.images * len(job.networks) * _cost(job.architecture))

    def _block_jobs(self, networks: range) -> list[TrainingJob]:
        alike: dict[tuple[LayeredArchitecture, int], list[tuple[int, Hyperparameters]]] = {}
        for network in networks:
            hyper = self.recipe.hyper(self.seed, network)
            architecture = self._architecture(network, hyper)
            count = max(1, int(hyper.train_fraction * len(self.train[0])))
            alike.setdefault((architecture, count), []).append((network, hyper))
        return [
            TrainingJob(architecture, tuple(n for n, _ in part), tuple(h for _, h in part), count)
            for (architecture, count), members in alike.items()
            for part in _cut(members, self.most_together)
        ]

    def image_subsets(self, job: TrainingJob) -> Tensor:
        """The training images that each network of a job sees, ``(B, m)``."""
        total = len(self.train[0])
        drawn = [numpy_generator(h.seed, "share").permutation(total)[: job.images] for h in job.hypers]
        return torch.from_numpy(np.stack(drawn))

    def provenance(self) -> dict[str, object]:
        """Everything that decides what the networks become."""
        family = self.recipe.family.to_plain()
        return {
            "maker": "make_cnns",
            "family": family["family"],
            "padding": family.get("padding", "half the kernel"),
            "recipe": self.recipe.to_plain(),
            **self.prepared.provenance(),
            "networks": self.networks,
            "seed": self.seed,
            "shard_size": self.shard_size,
            "inner_batch": self.most_together,
            "device": self.device.type,
        }


def _cut(
    members: Sequence[tuple[int, Hyperparameters]], most: int
) -> list[Sequence[tuple[int, Hyperparameters]]]:
    """Parts of at most so many members, as equal as possible."""
    parts = -(-len(members) // most)
    bounds = [len(members) * part // parts for part in range(parts + 1)]
    return [members[low:high] for low, high in pairwise(bounds)]


def _cost(architecture: LayeredArchitecture) -> int:
    """About proportional to the time of a step; for the order of jobs only."""
    return architecture.num_parameters
