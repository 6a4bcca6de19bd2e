"""Adversarial neuron pruning: take out channels that are sensitive to changes of their weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.configuration import Count, Natural, NonNegative, Portion, Positive
from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.trojans.repair.defenses._channels import Channels, channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import ImageRepairMethod
from scalegmn.zoo.cnns import image_outputs

_MOMENTUM: Final = 0.9
THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(20))
"""Thresholds of masks; channels below are pruned."""


@final
@dataclass(frozen=True, kw_only=True)
class AdversarialNeuronPruning(ImageRepairMethod):
    """Wu and Wang 2021, "Adversarial Neuron Pruning Purifies Backdoored Deep Models".

    With a mask m from 0 to 1 for each channel, which multiplies the factor w of its batch norm, and changes d
    and x of at most `budget` of this factor and of the shift b, the masks minimize on clean images

        weight * L(m w, b) + (1 - weight) * max over d, x of L((m + d) w, (1 + x) b),

    in turn with one signed step of d and x from a random start.  Then channels whose mask is below a
    threshold are taken out.  The threshold is the largest for which the accuracy on held-back clean images
    is not more than `limit` below what it was; nothing else is known to choose by.

    A channel without batch norm is its kernel and its bias, and both are masked: ``m b`` and ``(m + x) b``.

    Attributes:
        count: clean images, a fifth of them held back for the threshold.
        budget: epsilon, of the changes relative to factor and shift.
        weight: of the loss without changes.
        steps: of the masks.
        batch_size: images per step.
        learning_rate: of the masks, with a momentum of 0.9.
        limit: accuracy that may be lost.
    """

    budget: NonNegative = 0.4
    weight: Portion = 0.2
    steps: Natural = 300
    batch_size: Count = 32
    learning_rate: Positive = 0.2
    limit: Portion = 0.03

    @property
    def name(self) -> str:
        return "ANP"

    def _repair_with(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages, seed: int
    ) -> Tensor:
        seen, back = images.parts()
        masks = self.masks(architecture, theta, seen, seed=seed)
        threshold = chosen_threshold(architecture, theta, masks, back, limit=self.limit)
        return channels_of(architecture).prune(theta, masks < threshold[:, None])

    def masks(self, architecture: Architecture, theta: Tensor, images: CleanImages, *, seed: int) -> Tensor:
        """The mask of every channel, ``(B, U)`` from 0 to 1; all networks see the same images and draws."""
        channels = channels_of(architecture)
        random = generator(seed, "adversarial neuron pruning")
        size = min(self.batch_size, len(images))
        masks = torch.ones(len(theta), channels.count, device=theta.device)
        speed = torch.zeros_like(masks)
        for _ in range(self.steps):
            places = torch.randperm(len(images), generator=random)[:size].to(theta.device)
            start = (2 * torch.rand(2, channels.count, generator=random) - 1).to(theta) * self.budget
            trial = _Trial(architecture, channels, theta, images.inputs[places], images.labels[places])
            change = self._attack(trial, masks, start[:, None].expand(2, len(theta), -1))
            leaf = masks.clone().requires_grad_()
            loss = self.weight * trial.loss(leaf, torch.zeros_like(change))
            loss = loss + (1 - self.weight) * trial.loss(leaf, change)
            (slope,) = torch.autograd.grad(loss, leaf)
            # A network whose loss has left the numbers keeps its masks.
            speed = torch.nan_to_num(_MOMENTUM * speed + slope, nan=0.0, posinf=0.0, neginf=0.0)
            masks = (masks - self.learning_rate * speed).clamp(0, 1)
        return masks

    def _attack(self, trial: _Trial, masks: Tensor, start: Tensor) -> Tensor:
        """Changes ``(2, B, U)`` of factors and of shifts that make the loss larger."""
        leaf = start.clone().requires_grad_()
        (slope,) = torch.autograd.grad(trial.loss(masks, leaf), leaf)
        return (start + self.budget * slope.sign()).clamp(-self.budget, self.budget)


@final
@dataclass(frozen=True, eq=False)
class _Trial:
    """Networks on a mini-batch: how the loss depends on masks and changes."""

    architecture: Architecture
    channels: Channels
    theta: Tensor
    inputs: Tensor
    labels: Tensor

    def loss(self, masks: Tensor, change: Tensor) -> Tensor:
        """Sum over networks of the mean cross-entropy with masks ``(B, U)`` and changes ``(2, B, U)``."""
        channels = self.channels
        masked = torch.where(channels.normed.to(masks.device), torch.ones_like(masks), masks)
        factors = channels.spread(masks + change[0], channels.factor)
        shifts = channels.spread(masked + change[1], channels.shift)
        logits = image_outputs(self.architecture, self.theta * factors * shifts, self.inputs)
        labels = self.labels.expand(len(logits), -1)
        return F.cross_entropy(logits, labels, reduction="none").mean(dim=1).sum()


def chosen_threshold(
    architecture: Architecture, theta: Tensor, masks: Tensor, images: CleanImages, *, limit: float
) -> Tensor:
    """The largest of :data:`THRESHOLDS` for each network, ``(B,)``, that clean accuracy allows.

    Args:
        architecture: of all networks.
        theta: ``(B, P)``.
        masks: ``(B, U)``.
        images: clean ones that the masks were not made from; the only thing that is looked at.
        limit: accuracy that may be lost on them.
    """
    channels = channels_of(architecture)
    floor = images.accuracy(architecture, theta) - limit
    best = torch.full((len(theta),), -math.inf, device=theta.device)
    for threshold in THRESHOLDS:
        accuracy = images.accuracy(architecture, channels.prune(theta, masks < threshold))
        best = torch.where(accuracy >= floor - 1e-9, torch.full_like(best, threshold), best)
    return best
