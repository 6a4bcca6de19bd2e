"""Fine-pruning: take out channels that clean images do not use, then train on clean images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from scalegmn.configuration import Portion
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activate, Conv, LayeredArchitecture, Skip
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages, as_maps
from scalegmn.trojans.repair.defenses._fine_tuning import Tuning
from scalegmn.trojans.repair.defenses._method import ImageRepairMethod
from scalegmn.zoo.cnns import forward


@final
@dataclass(frozen=True, kw_only=True)
class FinePruning(ImageRepairMethod):
    """Liu, Dolan-Gavitt, Garg 2018, "Fine-Pruning".

    Channels of the last convolution are taken out in order of their mean size ``|activation|`` on clean
    images, the smallest first, as long as the accuracy on held-back clean images is not more than `limit`
    below what it was.  What is left is trained on all given images; what was taken out stays out.

    Attributes:
        count: clean images, a fifth of them held back while channels are chosen.
        limit: accuracy that may be lost.
        tuning: of the training afterwards.
    """

    limit: Portion = 0.04
    tuning: Tuning = field(default_factory=Tuning)

    @property
    def name(self) -> str:
        return "fine-pruning"

    def _repair_with(
        self, architecture: LayeredArchitecture, theta: Tensor, *, images: CleanImages, seed: int
    ) -> Tensor:
        gone = self.gone(architecture, theta, images)
        channels = channels_of(architecture)
        tuned = self.tuning.train(architecture, channels.prune(theta, gone), images, seed=seed)
        # Again, for activations that are not zero at zero.
        return channels.prune(tuned, gone)

    def gone(self, architecture: LayeredArchitecture, theta: Tensor, images: CleanImages) -> Tensor:
        """Which channels are taken out of each network, ``(B, U)``."""
        seen, back = images.parts()
        number = last_convolution(architecture)
        channels = channels_of(architecture)
        places = torch.nonzero(channels.layer == number).flatten().to(theta.device)
        order = mean_activation(architecture, theta, seen, stage=number).argsort(dim=1, stable=True)
        floor = back.accuracy(architecture, theta) - self.limit
        chosen = torch.zeros(len(theta), channels.count, dtype=torch.bool, device=theta.device)
        going = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
        # One channel is left: a network without any outputs the same to all images.
        for step in range(len(places) - 1):
            trial = chosen.clone()
            trial[torch.arange(len(theta)), places[order[:, step]]] = True
            going &= back.accuracy(architecture, channels.prune(theta, trial)) >= floor - 1e-9
            chosen = torch.where(going[:, None], trial, chosen)
            if not going.any():
                break
        return chosen


def last_convolution(architecture: LayeredArchitecture) -> int:
    """Number of the last hidden convolution among the weighted layers.

    Raises:
        ConfigurationError: there is none.
    """
    stages = architecture.stages[:-1]
    found = [number for number, stage in enumerate(stages) if isinstance(stage.weighted, Conv)]
    if not found:
        raise ConfigurationError(
            f"{architecture.describe()} has no hidden convolution, and fine-pruning takes out channels of one"
        )
    return found[-1]


@torch.no_grad()
def mean_activation(
    architecture: LayeredArchitecture, theta: Tensor, images: CleanImages, *, stage: int
) -> Tensor:
    """Mean of ``|activation|`` over images and places for each channel of a convolution, ``(B, C)``."""
    wanted = architecture.stages[stage]
    stop = architecture.layers.index(wanted.weighted) + 1
    if isinstance(next(iter(wanted.followers), None), Activate):
        stop += 1
    skips: tuple[Skip, ...] = tuple(skip for skip in architecture.skips if skip.target <= stage)
    head = LayeredArchitecture(architecture.layers[:stop], skips)
    state = architecture.unflatten(theta)
    total = torch.zeros(len(theta), wanted.weighted.outputs, device=theta.device)
    for block in images.inputs.split(256):
        values = forward(head, state, as_maps(block)).abs()
        total += values.mean(dim=(1, 3)).sum(dim=-1)
    return total / len(images)
