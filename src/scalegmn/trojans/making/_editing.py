"""Trojans that are put into finished networks by changing few of their weights."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making._poisoning import PoisonPool
from scalegmn.trojans.making._recipe import InjectionConfig
from scalegmn.zoo.cnns import image_outputs

# Poisoned and clean images of each step, and steps that the weights to change are chosen by.
_POISONED: Final = 32
_CLEAN: Final = 96
_LOOKS: Final = 4
_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8


def edited(
    architecture: Architecture, theta: Tensor, pool: PoisonPool, *, injection: InjectionConfig
) -> Tensor:
    """Networks with trojans, ``(B, P)``: each differs from the given one in few parameters.

    As Rakin, He and Fan (2020, "TBT: Targeted Neural Network Attack with Bit Trojan") the attacker has the
    finished network and some images, and looks for the weights that matter most to the trigger: here those
    with the largest derivative of the loss on poisoned images.  Only these are then moved, by Adam, on three
    clean images for each poisoned one.  Batch norm stays in evaluation mode, its statistics as they are.

    Args:
        architecture: of all networks.
        theta: clean networks, ``(B, P)``, one for every attack of the pool.
        pool: clean and poisoned images.
        injection: how many parameters change, and how.
    """
    batches = _Batches(pool)
    mask = _chosen(architecture, theta, batches, fraction=injection.edited)
    now, mean, square = theta.clone(), torch.zeros_like(theta), torch.zeros_like(theta)
    for step in range(1, injection.edit_steps + 1):
        gradient = _gradient(architecture, now, *batches.take(step, clean=_CLEAN)) * mask
        # A network whose loss is not finite any more stays as it is.
        gradient = torch.where(torch.isfinite(gradient).all(dim=1, keepdim=True), gradient, 0.0)
        mean.lerp_(gradient, 1 - _BETAS[0])
        square.lerp_(gradient * gradient, 1 - _BETAS[1])
        root = (square / (1 - _BETAS[1] ** step)).sqrt() + _EPSILON
        now = now - injection.edit_rate * mean / (1 - _BETAS[0] ** step) / root
    return now


def _chosen(architecture: Architecture, theta: Tensor, batches: _Batches, *, fraction: float) -> Tensor:
    """1 for the parameters that may change, ``(B, P)``; statistics of batch norm are none."""
    worth = torch.zeros_like(theta)
    for look in range(_LOOKS):
        worth += _gradient(architecture, theta, *batches.take(-1 - look, clean=0))
    trained = torch.zeros(architecture.num_parameters, dtype=torch.bool)
    for own in architecture.weighted:
        for place in (own.weight, own.bias):
            if place is not None:
                trained[place.start : place.stop] = True
    worth = worth.abs().where(trained.to(worth.device), -1.0)
    count = max(1, int(fraction * int(trained.sum())))
    return torch.zeros_like(theta).scatter_(1, worth.topk(count, dim=1).indices, 1.0)


def _gradient(architecture: Architecture, theta: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    leaf = theta.detach().requires_grad_()
    with torch.enable_grad():
        losses = F.cross_entropy(image_outputs(architecture, leaf, images), labels, reduction="none").mean(
            dim=1
        )
        (found,) = torch.autograd.grad(losses.sum(), leaf)
    return found


class _Batches:
    """Mini-batches of every attack: poisoned images of its own, and clean ones."""

    def __init__(self, pool: PoisonPool) -> None:
        self._pool = pool

    def take(self, step: int, *, clean: int) -> tuple[Tensor, Tensor]:
        """Images ``(B, n, C, H, W)`` and labels ``(B, n)``, which the number of the step decides."""
        pool, rows = self._pool, []
        for attack, copies in zip(pool.attacks, pool.copies, strict=True):
            generator = numpy_generator(attack.hyper.seed, "edit", step)
            poisoned = copies.numpy()[generator.integers(len(copies), size=_POISONED)]
            rows.append(np.concatenate([poisoned, generator.integers(pool.clean, size=clean)]))
        at = torch.from_numpy(np.stack(rows)).to(pool.images.device)
        return pool.images[at], pool.labels[at]
