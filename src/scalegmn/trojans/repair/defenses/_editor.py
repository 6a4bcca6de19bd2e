"""A trained editor of networks as a repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models import Editor
from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
@dataclass(frozen=True, eq=False)
class EditorRepair(RepairMethod):
    """An editor that was trained to repair; it needs no data.

    Attributes:
        model: in evaluation mode.
    """

    together: ClassVar[int] = 32
    model: Editor

    @property
    def name(self) -> str:
        return "editor"

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        with torch.no_grad():
            return self.model.edit(NetworkBatch.from_parameters(architecture, theta)).single[1]
