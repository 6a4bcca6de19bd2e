"""What every repair has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Count
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses._clean_images import CleanImages

# Networks at a time: enough to share the work, few enough for the caches of a processor.
_TOGETHER: Final = 8


class RepairMethod(ABC):
    """A way to make trojaned networks harmless, knowing neither trigger nor target nor which are trojaned.

    Networks do not influence each other: a repair does the same to a network whatever its company, up to
    rounding.
    """

    together: ClassVar[int] = _TOGETHER
    """Networks that :meth:`repair` works on at a time."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the method in tables."""

    @property
    def images(self) -> int:
        """How many clean images it is given; 0 for a method that needs no data."""
        return 0

    @property
    def data_free(self) -> bool:
        """Whether it needs nothing but the parameters of the network."""
        return self.images == 0

    def repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        """Repaired networks ``(B, P)`` float32.

        Args:
            architecture: of all networks.
            theta: their parameters, ``(B, P)``; not changed.
            images: what clean images there are; the method draws as many as it is given by right, the same
                for all networks.  Data-free methods see none of them.
            seed: of everything that is drawn.

        Raises:
            ConfigurationError: there are fewer clean images than the method is given.
            ArchitectureError: they do not take images of this shape.
            GraphError: their graph is too large.
        """
        theta = theta.detach().float()
        if not len(theta):
            return theta.clone()
        given = None
        if not self.data_free:
            have = 0 if images is None else len(images)
            if images is None or have < self.images:
                raise ConfigurationError(
                    f"{self.name} is given {self.images} clean images, but there are {have}; give more, or "
                    "choose a method that needs fewer"
                )
            given = images.draw(self.images, seed=seed).to(theta.device)
        parts = [
            self._repair(architecture, block, images=given, seed=seed) for block in theta.split(self.together)
        ]
        return torch.cat(parts)

    @abstractmethod
    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        """The repair of a few networks; `images` are exactly those that the method is given."""


@dataclass(frozen=True, kw_only=True)
class ImageRepairMethod(Configuration, RepairMethod, ABC):
    """A repair with the help of clean images.

    Attributes:
        count: how many it is given.
    """

    count: Count

    @property
    def images(self) -> int:
        return self.count

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        assert images is not None, "repair() gives images to every method that is not data-free"
        return self._repair_with(architecture, theta, images=images, seed=seed)

    @abstractmethod
    def _repair_with(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages, seed: int
    ) -> Tensor:
        """The repair of a few networks with exactly these images."""
