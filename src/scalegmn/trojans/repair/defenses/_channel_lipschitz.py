"""Channel Lipschitz pruning: take out channels whose kernels are unusually large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.configuration import Configuration
from scalegmn.networks import LayeredArchitecture
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
@dataclass(frozen=True, kw_only=True)
class ChannelLipschitz(Configuration, RepairMethod):
    """Zheng, Tang, Li, Liu 2022, "Data-free Backdoor Removal Based on Channel Lipschitzness".

    A channel's bound is the largest singular value of its kernel as a matrix of inputs times taps.  Channels
    are taken out whose bound is larger than the mean of their layer plus `deviations` times the standard
    deviation (of a sample).  The published bound also has the factor of batch normalization, which these
    networks do not have.

    Attributes:
        deviations: u.  Among n channels no bound is more than (n - 1) / sqrt(n) deviations above the mean,
            so that 3, the published value for wide networks, needs 11 channels.
    """

    deviations: float = 3.0

    @property
    def name(self) -> str:
        return "channel Lipschitz pruning"

    def _repair(
        self, architecture: LayeredArchitecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        return channels_of(architecture).prune(theta, self.gone(architecture, theta))

    def gone(self, architecture: LayeredArchitecture, theta: Tensor) -> Tensor:
        """Which channels are taken out of each network, ``(B, U)``."""
        parts = []
        for bounds in channel_bounds(architecture, theta):
            if bounds.shape[1] < 2:
                parts.append(torch.zeros_like(bounds, dtype=torch.bool))
                continue
            limit = bounds.mean(dim=1) + self.deviations * bounds.std(dim=1)
            parts.append(bounds > limit[:, None])
        return torch.cat(parts, dim=1)


def channel_bounds(architecture: LayeredArchitecture, theta: Tensor) -> list[Tensor]:
    """The largest singular value of every hidden channel's kernel, ``(B, C)`` per hidden layer."""
    state = architecture.unflatten(theta)
    found = []
    for stage in architecture.stages[:-1]:
        weight = state[f"{stage.weighted.name}.weight"]
        # (B, out, in, taps); a dense layer has one tap.
        kernels = weight.flatten(3) if weight.ndim == 5 else weight[..., None]
        found.append(torch.linalg.matrix_norm(kernels, ord=2))
    return found
