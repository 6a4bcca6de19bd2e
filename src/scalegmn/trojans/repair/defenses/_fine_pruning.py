"""Fine-pruning: take out channels that clean images do not use, then train on clean images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from scalegmn.configuration import Portion
from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._fine_tuning import Tuning
from scalegmn.trojans.repair.defenses._last_convolution import last_maps, mean_activation
from scalegmn.trojans.repair.defenses._method import ImageRepairMethod


@final
@dataclass(frozen=True, kw_only=True)
class FinePruning(ImageRepairMethod):
    """Liu, Dolan-Gavitt, Garg 2018, "Fine-Pruning".

    Channels of the last convolution are taken out in order of their mean size ``|activation|`` on clean
    images, the smallest first, as long as the accuracy on held-back clean images is not more than `limit`
    below what it was.  What is left is trained on all given images; what was taken out stays out.  A channel
    to which others are added, as in residual networks, goes with these.

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
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages, seed: int
    ) -> Tensor:
        gone = self.gone(architecture, theta, images)
        channels = channels_of(architecture)
        tuned = self.tuning.train(architecture, channels.prune(theta, gone), images, seed=seed)
        # Again, for activations that are not zero at zero.
        return channels.prune(tuned, gone)

    def gone(self, architecture: Architecture, theta: Tensor, images: CleanImages) -> Tensor:
        """Which channels are taken out of each network, ``(B, U)``."""
        seen, back = images.parts()
        channels = channels_of(architecture)
        maps = last_maps(architecture, tuple(images.inputs.shape[1:]))
        places = maps.channels(architecture).to(theta.device)
        order = mean_activation(architecture, theta, seen).argsort(dim=1, stable=True)
        floor = back.accuracy(architecture, theta) - self.limit
        chosen = torch.zeros(len(theta), channels.count, dtype=torch.bool, device=theta.device)
        going = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
        # One channel is left: a network without any outputs the same to all images.
        for step in range(len(places) - 1):
            trial = chosen.scatter(1, places[order[:, step]], True)
            going &= back.accuracy(architecture, channels.prune(theta, trial)) >= floor - 1e-9
            chosen = torch.where(going[:, None], trial, chosen)
            if not going.any():
                break
        return chosen
