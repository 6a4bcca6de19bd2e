"""Parameters rounded to half precision."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import Architecture

from ._kind import RewritingKind
from ._rewriting import Rewriting


@final
class RoundedNumbers(RewritingKind):
    """Every parameter is rounded to bfloat16, which changes the function a little."""

    exact = False

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
        return architecture, theta.bfloat16().to(theta)


ROUNDING: Final = RoundedNumbers()
