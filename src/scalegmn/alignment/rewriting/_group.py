"""Random elements of the whole symmetry group."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.symmetry import random_symmetry

from ._kind import RewritingKind
from ._rewriting import Rewriting


@final
class GroupMoves(RewritingKind):
    """A random element of the group: permutations, scales, signs, and phases of sines."""

    def refusal(self, architecture: Architecture) -> str | None:
        return None

    def apply(
        self,
        architecture: Architecture,
        theta: Tensor,
        *,
        rewriting: Rewriting,
        generator: torch.Generator,
    ) -> tuple[Architecture, Tensor]:
        symmetry = random_symmetry(
            architecture, generator=generator, spread=rewriting.spread, shift_phase=True
        )
        return architecture, symmetry.apply(theta[None])[0]


GROUP: Final = GroupMoves()
