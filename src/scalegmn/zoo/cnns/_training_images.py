"""The images that a population is trained on and evaluated by, as its networks take them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.images import ImageSet
from scalegmn.zoo import images_provenance
from scalegmn.zoo.cnns._images import halves, prepared_images


@final
@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Training and test images of classifiers, prepared when they are first asked for.

    Args:
        images: as they come from their source.
        grayscale: average colors into one channel.
        image_size: height and width to which images are reduced; None to keep them.
        device: where they are.

    Raises:
        ConfigurationError: there is one class only.
        ImageSourceError: there are no images to train on or to test with.
    """

    images: ImageSet
    grayscale: bool
    image_size: int | None
    device: torch.device

    def __post_init__(self) -> None:
        if self.images.classes < 2:
            raise ConfigurationError(
                f"{self.images.name}: the images have {self.images.classes} classes, expected 2 or more"
            )
        halves(self.images)

    @cached_property
    def train(self) -> tuple[Tensor, Tensor]:
        """Training images ``(N, C, H, W)`` and labels ``(N,)``."""
        return self._part(halves(self.images)[0])

    @cached_property
    def test(self) -> tuple[Tensor, Tensor]:
        """The same of the test images."""
        return self._part(halves(self.images)[1])

    def _part(self, places: np.ndarray) -> tuple[Tensor, Tensor]:
        chosen = self.images.subset(places)
        pixels = prepared_images(chosen, grayscale=self.grayscale, image_size=self.image_size)
        return pixels.to(self.device), torch.from_numpy(chosen.labels).to(self.device)

    def provenance(self) -> dict[str, object]:
        """Which images they are."""
        return images_provenance(
            self.images, train=self.train[0], test=self.test[0], grayscale=self.grayscale
        )
