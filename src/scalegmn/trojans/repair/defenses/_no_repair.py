"""Networks as they are, for comparison."""

from __future__ import annotations

from typing import final

from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
class NoRepair(RepairMethod):
    """Does nothing."""

    @property
    def name(self) -> str:
        return "no repair"

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        return theta.clone()
