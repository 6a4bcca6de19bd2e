"""Clean images that somebody who repairs networks has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.zoo.cnns import image_outputs

# Images that are evaluated at once.
_BLOCK = 256
# Images that were normalized by mean and deviation stay well below, bytes do not.
_LARGEST = 128


@final
@dataclass(frozen=True, eq=False)
class CleanImages:
    """Labeled images without triggers.

    Attributes:
        inputs: as the networks take them, ``(n, C, H, W)``.
        labels: true classes, ``(n,)``.

    Raises:
        ConfigurationError: there is not one label per image, or the images are bytes or not finite.
    """

    inputs: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.inputs.ndim != 4 or self.labels.shape != self.inputs.shape[:1]:
            raise ConfigurationError(
                f"images of shape {tuple(self.inputs.shape)} with labels of shape "
                f"{tuple(self.labels.shape)}; expected (n, C, H, W) and (n,)"
            )
        largest = float(self.inputs.abs().max()) if self.inputs.numel() else 0.0
        if not self.inputs.is_floating_point() or not largest <= _LARGEST:
            raise ConfigurationError(
                f"images of type {self.inputs.dtype} with values up to {largest:g}, expected finite floating "
                "point values as the networks take them, from -1 to 1 or so; divide bytes by 255 and "
                "normalize them"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> CleanImages:
        """The same images on a device."""
        return CleanImages(self.inputs.to(device), self.labels.to(device))

    def draw(self, count: int, *, seed: int) -> CleanImages:
        """Some of the images, in random order; with one seed, fewer images are the first of more.

        Raises:
            ConfigurationError: there are not so many.
        """
        if not 1 <= count <= len(self):
            raise ConfigurationError(f"{count} of {len(self)} clean images; expected 1 to {len(self)}")
        order = torch.randperm(len(self), generator=generator(seed, "clean images"))
        return self._take(order[:count])

    def parts(self, *, held_back: float = 0.2) -> tuple[CleanImages, CleanImages]:
        """The images to learn from, and the last ones, which are held back for choices.

        Args:
            held_back: fraction of the images; at least one is held back and one is left.

        Raises:
            ConfigurationError: there are fewer than two images.
        """
        if len(self) < 2:
            raise ConfigurationError(f"{len(self)} clean images cannot be split; expected 2 or more")
        back = min(max(1, round(held_back * len(self))), len(self) - 1)
        everything = torch.arange(len(self))
        return self._take(everything[:-back]), self._take(everything[-back:])

    def accuracy(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Fraction of the images that networks ``theta (B, P)`` get right, ``(B,)`` float64."""
        hits = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
        with torch.no_grad():
            for inputs, labels in zip(self.inputs.split(_BLOCK), self.labels.split(_BLOCK), strict=True):
                hits += (image_outputs(architecture, theta, inputs).argmax(dim=1) == labels).sum(dim=1)
        return hits / len(self)

    def _take(self, places: Tensor) -> CleanImages:
        places = places.to(self.labels.device)
        return CleanImages(self.inputs[places], self.labels[places])
