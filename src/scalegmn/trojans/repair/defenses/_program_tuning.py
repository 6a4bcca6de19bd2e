"""Training networks of any program further, many at once, with the statistics of each mini-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.alignment import NormPlace, in_batches, norms_of
from scalegmn.programs import ProgramArchitecture, run_examples
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns import Optimizer, Optimizers

_MOMENTUM: Final = 0.1
# As the makers of networks have it: far beyond what a network learns.
_LARGEST: Final = 1e4
_STILL: Final = 1e-30


@final
@dataclass(frozen=True, kw_only=True)
class Steps:
    """How networks are trained.

    Attributes:
        epochs: through the images.
        batch_size: images per step; a last mini-batch of one image is left out.
        learning_rate: constant.
        optimizer: which.
        l2: factor of the sum of squares of all matrices and kernels in the loss.
        seed: of the order of the images, which is the same for all networks.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Optimizer
    l2: float
    seed: int


def train_program(
    architecture: ProgramArchitecture, theta: Tensor, inputs: Tensor, labels: Tensor, *, steps: Steps
) -> Tensor:
    """Trained networks ``(B, P)``.

    Batch norms normalize by the mean and variance of the mini-batch, and their statistics follow with a
    momentum of 0.1, as in training.  Networks do not influence each other; one whose loss or gradient is not
    finite, or a parameter of which exceeds 10,000, goes back to the step before and stays there.

    Args:
        architecture: of all networks.
        theta: where to start, ``(B, P)``; not changed.
        inputs: images as the networks take them, ``(n, C, H, W)``.
        labels: true classes, ``(n,)``.
        steps: how.
    """
    lesson = _Lesson(architecture)
    theta, sound = theta.detach().clone(), torch.ones(len(theta), dtype=torch.bool, device=theta.device)
    decay = 2 * steps.l2 * lesson.matrices.to(theta)
    optimizers = Optimizers(
        kinds=[steps.optimizer] * len(theta),
        learning_rate=theta.new_full((len(theta),), steps.learning_rate),
        like=theta,
    )
    for epoch in range(steps.epochs):
        order = numpy_generator(steps.seed, "order", epoch).permutation(len(labels))
        for rows in torch.from_numpy(order).to(labels.device).split(steps.batch_size):
            if len(rows) < min(2, len(labels)):
                continue
            losses, gradient, followed = lesson.learn(theta, inputs[rows], labels[rows])
            change = optimizers.step((gradient + decay * theta) * lesson.trained.to(theta))
            after = torch.where(lesson.trained.to(theta.device), theta - change, followed)
            sound = sound & torch.isfinite(losses) & torch.isfinite(after).all(dim=1)
            sound = sound & (after.abs().amax(dim=1) <= _LARGEST)
            theta = torch.where(sound[:, None], after, theta)
    return theta


@final
class _Lesson:
    """The loss of networks of a program on a mini-batch, and what it does to their statistics."""

    def __init__(self, architecture: ProgramArchitecture) -> None:
        self._architecture: Final = architecture
        program = architecture.program
        self._norms: Final = {place.value: place for place in norms_of(program)}
        self.trained: Final = torch.ones(architecture.num_parameters, dtype=torch.bool)
        self.matrices: Final = torch.zeros(architecture.num_parameters)
        for one, place in zip(program.parameters, architecture.parameters, strict=True):
            self.trained[place.start : place.stop] = not one.buffer
            self.matrices[place.start : place.stop] = float(len(place.shape) > 1)

    def learn(self, theta: Tensor, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Losses ``(B,)``, their derivatives ``(B, P)``, and parameters with the statistics moved on."""
        batches = in_batches(self._architecture.program, inputs)
        labels = labels[: batches.shape[0] * batches.shape[1]]

        def loss(own: Tensor) -> tuple[Tensor, Tensor]:
            found: dict[str, Tensor] = {}
            state = self._architecture.unflatten(own)

            def touch(index: int, value: Tensor) -> Tensor:
                place = self._norms.get(index)
                return value if place is None else _normalized(place, value, state, found)

            (logits, *_) = run_examples(self._architecture.program, state, batches, touch=touch)
            parts = {**state, **found}
            followed = torch.cat([parts[one.name].flatten() for one in self._architecture.parameters])
            return F.cross_entropy(logits.flatten(0, 1), labels), followed.detach()

        leaf = theta.detach().requires_grad_()
        with torch.enable_grad():
            losses, followed = torch.func.vmap(loss)(leaf)
            (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradient, followed.detach()


def _normalized(
    place: NormPlace, value: Tensor, state: dict[str, Tensor], found: dict[str, Tensor]
) -> Tensor:
    """A value by the statistics of its mini-batch, in place of ``(x - m) / s``; notes what m and s become.

    With v the value, ``x = m + s v``, and the variance of x is ``s^2`` times that of v.
    """
    axis = 1 + place.axis
    over = [number for number in range(value.dim()) if number != axis]
    beside = [-1 if number == axis else 1 for number in range(value.dim())]
    mean, variance = value.mean(dim=over), value.var(dim=over, correction=0)
    m, s = state[place.mean], state[place.deviation]
    count = value.numel() // value.shape[axis]
    held = s.square() - place.eps
    moved = s.square() * variance * (count / max(1, count - 1))
    found[place.mean] = m + _MOMENTUM * s * mean
    found[place.deviation] = (held + _MOMENTUM * (moved - held)).clamp(min=0).add(place.eps).sqrt()
    spread = torch.sqrt(variance + place.eps / s.square() + _STILL)
    return (value - mean.reshape(beside)) / spread.reshape(beside)
