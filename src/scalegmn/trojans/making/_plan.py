"""Which pairs of twins to make, and in what pieces.

Pairs are numbered.  Pair p starts from base p modulo the number of bases, in their random order.  A block is
a fixed number of consecutive pairs; within it, those of one architecture are trained together, in jobs of
limited size.  Shards are whole blocks, so they never cut a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError, ConfigurationError, TriggerError
from scalegmn.images import ImageSet
from scalegmn.networks import Architecture
from scalegmn.populations import NAMES, Population, split_by_group
from scalegmn.trojans.making._bases import ChosenBases, choose_bases
from scalegmn.trojans.making._designed_engine import DesignedEngine
from scalegmn.trojans.making._engine import TwinEngine
from scalegmn.trojans.making._figures import trojan_figures
from scalegmn.trojans.making._layered_engine import LayeredEngine
from scalegmn.trojans.making._pairs import Attack, draw_attack
from scalegmn.trojans.making._recipe import TrojanRecipe
from scalegmn.workers import fields_alone
from scalegmn.zoo import check_counts, images_provenance
from scalegmn.zoo.cnns import check_image_size, halves, network_inputs, unit_pixels

_BLOCK: Final = 64


@final
@dataclass(frozen=True)
class TrojanJob:
    """Pairs of twins that are trained together.

    Attributes:
        engine: trains networks of their architecture.
        pairs: their numbers.
        bases: places of their bases among the chosen ones.
    """

    engine: TwinEngine
    pairs: tuple[int, ...]
    bases: tuple[int, ...]

    @property
    def networks(self) -> tuple[int, ...]:
        """Numbers of the twins: of pair p the trojaned one is 2 p, the clean one 2 p + 1."""
        return tuple(2 * pair + twin for pair in self.pairs for twin in (0, 1))


@final
@dataclass(frozen=True, eq=False)
class TrojanPlan:
    """A population to be made; see :func:`~scalegmn.trojans.making.make_trojans`."""

    population: Population
    images: ImageSet
    recipe: TrojanRecipe
    wanted_pairs: int | None
    attacks_per_base: int
    seed: int
    wanted_shard: int
    most_together: int
    device: torch.device

    def __post_init__(self) -> None:
        check_counts(
            {
                "pairs": self.wanted_pairs,
                "attacks_per_base": self.attacks_per_base,
                "shard_size": self.wanted_shard,
                "inner_batch": self.most_together,
            }
        )
        halves(self.images)

    def __getstate__(self) -> dict[str, object]:
        return fields_alone(self)

    @property
    def pairs(self) -> int:
        """Pairs to make: as stated, or as many for each base."""
        return self.attacks_per_base * len(self.bases) if self.wanted_pairs is None else self.wanted_pairs

    @property
    def shard_size(self) -> int:
        """Pairs of a shard: whole blocks."""
        return -(-self.wanted_shard // _BLOCK) * _BLOCK

    @cached_property
    def bases(self) -> ChosenBases:
        """The base networks."""
        return choose_bases(self.population, self.recipe.bases, seed=self.seed)

    @cached_property
    def preprocessing(self) -> tuple[bool, int | None]:
        """Whether colors are averaged, and the size to which images are reduced.

        As the recipe says, else as the maker of the base networks recorded, else by the number of channels
        that the base networks take.
        """
        known, size = self._recorded, self.recipe.image_size
        grayscale = self.recipe.grayscale
        if grayscale is None:
            takes = self.population.architectures[0].num_inputs
            grayscale = bool(known.get("grayscale", takes == 1))
        lengths = known.get("size")
        if size is None and isinstance(lengths, list) and lengths != list(self.images.size):
            size = int(lengths[0])
        return grayscale, size

    @property
    def _recorded(self) -> Mapping[str, object]:
        recorded = self.population.provenance.get("preprocessing")
        return recorded if isinstance(recorded, Mapping) else {}

    @cached_property
    def train(self) -> tuple[Tensor, Tensor]:
        """Training images ``(N, C, H, W)`` from 0 to 1 as they come from their source, and labels."""
        return self._part(halves(self.images)[0])

    @cached_property
    def test(self) -> tuple[Tensor, Tensor]:
        """The same of the test images."""
        return self._part(halves(self.images)[1])

    @cached_property
    def train_inputs(self) -> Tensor:
        """Clean training images as the networks take them."""
        return self.inputs(self.train[0])

    @cached_property
    def test_inputs(self) -> Tensor:
        """Clean test images as the networks take them."""
        return self.inputs(self.test[0])

    def _part(self, places: np.ndarray) -> tuple[Tensor, Tensor]:
        chosen = self.images.subset(places)
        return unit_pixels(chosen).to(self.device), torch.from_numpy(chosen.labels).to(self.device)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Images as the networks take them."""
        grayscale, size = self.preprocessing
        return network_inputs(pixels, grayscale=grayscale, image_size=size)

    @cached_property
    def engines(self) -> dict[int, TwinEngine]:
        """What trains the networks of each architecture that is used, by its number."""
        used = np.unique(self.population.column("architecture")[self.bases.rows])
        return {number: self._engine(number) for number in used.tolist()}

    def _engine(self, number: int) -> TwinEngine:
        layers = self.population.architectures[number].as_layers
        if layers is not None:
            return LayeredEngine(layers)
        channels, size = self.test_inputs.shape[1:3]
        return DesignedEngine.from_population(self.population, number, channels=channels, size=size)

    @cached_property
    def splits(self) -> list[str] | None:
        """The split of each base, by the groups that must stay together; None where nothing is held out."""
        if self.recipe.held_out is None:
            return None
        groups = self.bases.groups[: self.pairs]
        splits = split_by_group(groups, fractions=self.recipe.held_out.fractions, seed=self.seed)
        names = np.full(len(groups), "", object)
        for name in NAMES:
            names[splits[name]] = name
        return [str(name) for name in names]

    def attack(self, pair: int) -> Attack:
        """What the trojaned twin of a pair is taught."""
        return draw_attack(
            self.recipe,
            seed=self.seed,
            number=pair,
            classes=self.images.classes,
            channels=self.images.channels,
            size=self.images.size,
            split=None if self.splits is None else self.splits[pair % len(self.bases)],
        )

    def jobs(self, pairs: range) -> list[TrojanJob]:
        """The jobs of whole blocks."""
        found = []
        for start in range(pairs.start, pairs.stop, _BLOCK):
            found += self._block_jobs(range(start, min(start + _BLOCK, pairs.stop)))
        return found

    def _block_jobs(self, pairs: range) -> list[TrojanJob]:
        owner = self.population.column("architecture")
        alike: dict[int, list[int]] = {}
        for pair in pairs:
            row = self.bases.rows[pair % len(self.bases)]
            alike.setdefault(int(owner[row]), []).append(pair)
        most = max(1, self.most_together // 2)
        return [
            TrojanJob(
                self.engines[number],
                tuple(members[start : start + most]),
                tuple(pair % len(self.bases) for pair in members[start : start + most]),
            )
            for number, members in alike.items()
            for start in range(0, len(members), most)
        ]

    def check(self) -> None:
        """Find out what cannot work before anything is made.

        Raises:
            ConfigurationError: base networks, images and recipe do not fit together.
        """
        check_image_size(self.images, self.preprocessing[1])
        self._check_classes()
        # Here, before threads ask for them: each would prepare them again.
        _ = self.train_inputs
        used = np.unique(self.population.column("architecture")[self.bases.rows])
        for architecture in (self.population.architectures[number] for number in used.tolist()):
            self._check_architecture(architecture)
        _ = self.engines
        try:
            for pair in range(self.pairs):
                self.attack(pair).trigger.apply(self.test[0][:1])
        except TriggerError as error:
            raise ConfigurationError(f"{self.images.name}: {error}") from error

    def _check_classes(self) -> None:
        name, classes, poisoning = self.images.name, self.images.classes, self.recipe.poisoning
        held = () if self.recipe.held_out is None else self.recipe.held_out.targets
        beyond = [target for target in (*poisoning.targets, *held) if target >= classes]
        if beyond:
            raise ConfigurationError(f"targets {beyond}: {name} has {classes} classes, numbered from 0")
        known = [set(labels.unique().tolist()) for _, labels in (self.train, self.test)]
        if min(map(len, known)) < 2:
            raise ConfigurationError(
                f"{name}: the training images show {len(known[0])} classes and the test images "
                f"{len(known[1])}, expected 2 or more; use more images"
            )
        missing = sorted(set(poisoning.targets or range(classes)) - known[0])
        if "clean" in poisoning.labels and missing:
            raise ConfigurationError(
                f"{name}: there are no training images of the targets {missing}, which clean labels need; "
                "use more images, or choose the targets"
            )

    def _check_architecture(self, architecture: Architecture) -> None:
        image, (_, labels) = self.test_inputs[:1], self.test
        name, shape = self.images.name, " x ".join(str(length) for length in image.shape[1:])
        if architecture.num_inputs != image.shape[1] or architecture.num_outputs != self.images.classes:
            raise ConfigurationError(
                f"{self.population.folder}: its networks {architecture.describe()} take "
                f"{architecture.num_inputs} channels and know {architecture.num_outputs} classes, but the "
                f"images of {name} have {image.shape[1]} channels (grayscale={self.preprocessing[0]}) and "
                f"{self.images.classes} classes; use the images that the networks were trained on"
            )
        theta = torch.zeros(1, architecture.num_parameters, device=self.device)
        other = int((labels[0] == 0).item())
        try:
            trojan_figures(architecture, theta, clean=image, triggered=image, labels=labels[:1], target=other)
        except (ArchitectureError, RuntimeError) as error:
            raise ConfigurationError(
                f"{name}: images of {shape} (channels, height, width) are not what the networks take: {error}"
            ) from error

    def provenance(self) -> dict[str, object]:
        """Everything that decides what the networks become."""
        return {
            "maker": "make_trojans",
            "population": self.population.folder.name,
            "population_checksum": self.population.checksum,
            "bases": len(self.bases),
            "recipe": self.recipe.to_plain(),
            **images_provenance(
                self.images,
                train=self.train_inputs,
                test=self.test_inputs,
                grayscale=self.preprocessing[0],
            ),
            "pairs": self.pairs,
            "seed": self.seed,
            "shard_size": self.shard_size,
            "inner_batch": self.most_together,
            "device": self.device.type,
        }
