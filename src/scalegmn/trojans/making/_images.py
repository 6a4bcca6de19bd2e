"""The images that a population of trojaned networks was made with, as its networks take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Width
from scalegmn.errors import ImageSourceError, PopulationError
from scalegmn.images import IMAGE_SOURCES, ImageSet, load_images
from scalegmn.populations import Population
from scalegmn.trojans.triggers import Trigger
from scalegmn.zoo.cnns import halves, network_inputs, unit_pixels

Part = Literal["train", "test"]
PARTS: Final[tuple[Part, Part]] = ("train", "test")


@final
@dataclass(frozen=True)
class Preparation(Configuration):
    """How networks take images.

    Attributes:
        grayscale: whether colors are averaged.
        image_size: height and width to which images are reduced; None to keep them.
    """

    grayscale: bool
    image_size: Width | None

    @classmethod
    def from_population(cls, population: Population) -> Preparation:
        """Prepare images as the networks of a population expect them.

        Raises:
            PopulationError: the population does not say how it was made.
        """
        return cls.from_provenance(population.provenance, origin=str(population.folder))

    @classmethod
    def from_provenance(cls, provenance: Mapping[str, Any], *, origin: str) -> Preparation:
        """The same from what a population, or one that was joined with others, says of itself."""
        facts = _facts(provenance, origin)
        recorded, made = facts["preprocessing"], facts["images_shape"]
        size = list(recorded["size"])
        return cls(bool(recorded["grayscale"]), None if size == list(made[1:3]) else int(size[0]))

    def inputs(self, pixels: Tensor) -> Tensor:
        """Images ``(n, C, H, W)`` from 0 to 1 as the networks take them; differentiable."""
        return network_inputs(pixels, grayscale=self.grayscale, image_size=self.image_size)


@final
@dataclass(frozen=True, eq=False)
class TrojanImages:
    """Training and test images of a population of twins, and how its networks take them.

    Both are the very images that the maker had: those of training are the ones that the twins saw before
    any were poisoned, those for testing are the ones behind the recorded figures.

    Attributes:
        pixels: under ``train`` and ``test``, images ``(n, C, H, W)`` float32 from 0 to 1 as they come from
            their source; triggers belong in these.
        labels: under the same names, true classes ``(n,)``.
        preparation: how its networks take images.
        source: name of the images.
    """

    pixels: Mapping[str, Tensor]
    labels: Mapping[str, Tensor]
    preparation: Preparation
    source: str

    @classmethod
    def from_population(cls, population: Population, *, folder: Path | None = None) -> TrojanImages:
        """Read the images that a population names.

        Args:
            population: as :func:`~scalegmn.trojans.making.make_trojans` writes it.
            folder: where images are; by default the environment variable ``SCALEGMN_DATA`` names it.

        Raises:
            PopulationError: the population does not say which images it was made with.
            ImageSourceError: they are not found, or are not the ones that the population was made with.
        """
        return cls.from_provenance(population.provenance, origin=str(population.folder), folder=folder)

    @classmethod
    def from_provenance(
        cls, provenance: Mapping[str, Any], *, origin: str, folder: Path | None = None
    ) -> TrojanImages:
        """The same from what a population, or one that was joined with others, says of itself."""
        name = str(_facts(provenance, origin)["images"])
        if name not in IMAGE_SOURCES:
            raise ImageSourceError(
                f"{origin}: made with images called {name!r}, which are no known source "
                f"({', '.join(IMAGE_SOURCES.names())}); read them and give them to "
                "TrojanImages.from_image_set"
            )
        return cls._chosen(provenance, load_images(name, folder=folder), origin)

    @classmethod
    def from_image_set(cls, population: Population, images: ImageSet) -> TrojanImages:
        """Find the images that a population was made with among those of its source.

        Args:
            population: as for :meth:`from_population`.
            images: those that the maker was given, or all of the source that they are the first of.

        Raises:
            PopulationError: the population does not say which images it was made with.
            ImageSourceError: these are not the ones.
        """
        return cls._chosen(population.provenance, images, str(population.folder))

    @classmethod
    def _chosen(cls, provenance: Mapping[str, Any], images: ImageSet, origin: str) -> TrojanImages:
        chosen = _as_made(origin, images, _facts(provenance, origin))
        places = dict(zip(PARTS, halves(chosen), strict=True))
        return cls(
            # Plain mappings, which other processes can be given.
            pixels={part: unit_pixels(chosen.subset(places[part])) for part in PARTS},
            labels={part: torch.from_numpy(chosen.labels[places[part]]) for part in PARTS},
            preparation=Preparation.from_provenance(provenance, origin=origin),
            source=chosen.name,
        )

    def of(self, row: int) -> TrojanImages:
        """The images of one network; the same for all."""
        return self

    def inputs(self, pixels: Tensor) -> Tensor:
        """Images ``(n, C, H, W)`` from 0 to 1 as the networks take them; differentiable."""
        return self.preparation.inputs(pixels)

    def with_trigger(self, trigger: Trigger, which: Part) -> Tensor:
        """All images of one part with a trigger in them, as the networks take them.

        Raises:
            TriggerError: the trigger does not fit these images.
        """
        return self.inputs(trigger.apply(self.pixels[which]))

    @cached_property
    def train_inputs(self) -> Tensor:
        """Clean training images as the networks take them, ``(n, C, H, W)``."""
        return self.inputs(self.pixels["train"])

    @cached_property
    def test_inputs(self) -> Tensor:
        """Clean test images as the networks take them, ``(n, C, H, W)``."""
        return self.inputs(self.pixels["test"])

    @property
    def train_labels(self) -> Tensor:
        """True classes of the training images, ``(n,)``."""
        return self.labels["train"]

    @property
    def test_labels(self) -> Tensor:
        """True classes of the test images, ``(n,)``."""
        return self.labels["test"]


NEEDED: Final = ("images", "images_checksum", "images_shape", "train_images", "test_images", "preprocessing")


def _facts(facts: Mapping[str, Any], origin: str) -> Mapping[str, Any]:
    missing = [name for name in NEEDED if name not in facts]
    if missing:
        raise PopulationError(
            f"{origin}: its provenance lacks {missing}, so the images it was made with are not "
            "known; give a population that `scalegmn make trojans` wrote"
        )
    return facts


def _as_made(origin: str, images: ImageSet, facts: Mapping[str, Any]) -> ImageSet:
    """The images with the recorded checksum.

    The command line takes the first images of each split, training before test; from Python the maker may
    have been given the first of the source as they stand.
    """
    counts = {part: int(facts[f"{part}_images"]) for part in PARTS}
    firsts = [np.flatnonzero(images.split == part)[:count] for part, count in counts.items()]
    candidates = (np.concatenate(firsts), np.arange(min(sum(counts.values()), len(images))))
    for places in candidates:
        chosen = images.subset(places)
        if chosen.checksum == facts["images_checksum"]:
            return chosen
    raise ImageSourceError(
        f"{origin}: made with {counts['train']} training and {counts['test']} test images of "
        f"{facts['images']!r} with the checksum {str(facts['images_checksum'])[:12]}..., but those of "
        f"{images.name!r} ({len(images)} images) have another; give the images that the population was made "
        "with, in their original order"
    )
