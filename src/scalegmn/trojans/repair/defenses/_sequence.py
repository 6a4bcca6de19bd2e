"""One repair after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
@dataclass(frozen=True)
class RepairSequence(RepairMethod):
    """A repair, and a second one of what came out.

    Attributes:
        first: done first.
        second: done to its results, with the same clean images.
    """

    first: RepairMethod
    second: RepairMethod

    @property
    def name(self) -> str:
        return f"{self.first.name} + {self.second.name}"

    @property
    def images(self) -> int:
        return max(self.first.images, self.second.images)

    def repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        # Each draws its images itself: with one seed, the smaller set is part of the larger one.
        between = self.first.repair(architecture, theta, images=images, seed=seed)
        return self.second.repair(architecture, between, images=images, seed=seed)

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        return self.repair(architecture, theta, images=images, seed=seed)
