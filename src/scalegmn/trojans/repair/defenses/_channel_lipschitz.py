"""Channel Lipschitz pruning: take out channels whose kernels are unusually large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.configuration import Configuration
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture, Parameter
from scalegmn.trojans.repair.defenses._channels import Channels, channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
@dataclass(frozen=True, kw_only=True)
class ChannelLipschitz(Configuration, RepairMethod):
    """Zheng, Tang, Li, Liu 2022, "Data-free Backdoor Removal Based on Channel Lipschitzness".

    A channel's bound is the largest singular value of its kernel as a matrix of inputs times taps, times
    ``|gain| / deviation`` of the batch norm behind it.  Channels are taken out whose bound is larger than the
    mean of their layer plus `deviations` times the standard deviation (of a sample).

    Attributes:
        deviations: u.  Among n channels no bound is more than (n - 1) / sqrt(n) deviations above the mean,
            so that 3, the published value for wide networks, needs 11 channels.
    """

    deviations: float = 3.0

    @property
    def name(self) -> str:
        return "channel Lipschitz pruning"

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        return channels_of(architecture).prune(theta, self.gone(architecture, theta))

    def gone(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Which channels are taken out of each network, ``(B, U)``."""
        parts = []
        for bounds in channel_bounds(architecture, theta):
            if bounds.shape[1] < 2:
                parts.append(torch.zeros_like(bounds, dtype=torch.bool))
                continue
            limit = bounds.mean(dim=1) + self.deviations * bounds.std(dim=1)
            parts.append(bounds > limit[:, None])
        return torch.cat(parts, dim=1)


def channel_bounds(architecture: Architecture, theta: Tensor) -> list[Tensor]:
    """The largest singular value of every hidden channel's kernel, ``(B, C)`` per hidden layer.

    Batch norms behind kernels are folded into them.
    """
    channels, state = channels_of(architecture), architecture.unflatten(theta)
    gains = torch.where(channels.normed.to(theta.device), channels.product(theta, channels.factor), 1.0)
    norms = gains / channels.product(theta, channels.divisor)
    found = []
    for parameter in channels.weights:
        axis, own = _rows(channels, parameter)
        weight = state[parameter.name].movedim(1 + axis, 1)[:, own < channels.count]
        # (B, out, in, taps); a dense layer has one tap.
        kernels = weight.flatten(3) if weight.ndim > 3 else weight[..., None]
        found.append(torch.linalg.matrix_norm(kernels, ord=2) * norms[:, own[own < channels.count]])
    return found


def _rows(channels: Channels, parameter: Parameter) -> tuple[int, Tensor]:
    """The axis of a weight along which its channels are, and these, or U."""
    owners = channels.incoming[parameter.start : parameter.stop].view(parameter.shape)
    for axis in range(owners.ndim):
        rows = owners.movedim(axis, 0).flatten(1)
        if bool((rows == rows[:, :1]).all()):
            return axis, rows[:, 0]
    raise ConfigurationError(
        f"the channels of {parameter.name} are not its rows or columns, as channel Lipschitz pruning needs "
        "them; choose another repair"
    )
