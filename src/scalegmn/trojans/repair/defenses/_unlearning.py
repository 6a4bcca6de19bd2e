"""Unlearning of triggers that are searched for: no image, no trigger, no training population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scalegmn.alignment import program_of
from scalegmn.configuration import Configuration, Count, NonNegative, Portion, Positive
from scalegmn.networks import Architecture, run
from scalegmn.seeding import generator
from scalegmn.trojans.repair.defenses._change_search import DirectionSearch, toward
from scalegmn.trojans.repair.defenses._class_images import ClassImages
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod

# Steps of a new change before it is used.
_FIRST_STEPS: Final = 3
# Of Adam.
_MOMENTUM: Final = (0.9, 0.98)
# Derivatives below this part of the root mean square of all are noise, and move little.
_QUIET: Final = 1e-3
_STILL: Final = 1e-30
# Lengths of changes (root mean squares) by which the class is found, steps at each, and images.
_RADII: Final = (0.036, 0.054, 0.071, 0.107)
_TARGET_STEPS: Final = 3
_TARGET_IMAGES: Final = 30
# In reports: length, steps, and images.
_REPORTED_RADIUS: Final = 0.12
_REPORTED_STEPS: Final = 12
_REPORTED_IMAGES: Final = 100


@final
@dataclass(frozen=True, kw_only=True)
class UnlearningConfig(Configuration):
    """How much is unlearned.

    Attributes:
        steps: of the parameters.
        learning_rate: of a step, relative to each number; falls to 0 over the second half.
        weight: of the answers to changed images, beside those to unchanged ones.
        images: unchanged images per step.
        changed_images: images per step that are changed, by each change.
        changes: how many are searched at once, of lengths that are evenly spaced; the longer half is smooth.
        least, largest: their root mean squares.
        fading: images keep their contrast up to this part at most, which is drawn.
        renewal: steps after which changes are searched from the start.
    """

    steps: Count = 80
    learning_rate: Positive = 0.015
    weight: NonNegative = 0.3
    images: Count = 40
    changed_images: Count = 10
    changes: Count = 4
    least: Positive = 0.08
    largest: Positive = 0.26
    fading: Portion = 0.3
    renewal: Count = 16


@final
@dataclass(frozen=True, eq=False)
class TriggerUnlearning(RepairMethod):
    r"""Searches changes of all images toward one class, and unlearns to answer to them.

    The class c is the one that small changes of all images reach most easily.  In every step some changes
    :math:`\delta_j` are moved toward what the network, as it is now, takes for c, and the parameters are
    moved so that the network answers as it did before the repair, f:

    .. math::

        \min_\theta\ \mathrm{KL}(f(x) \,\|\, f_\theta(x)) + \lambda\, \operatorname{mean}_j
        \mathrm{KL}(f(x') \,\|\, f_\theta(a_j x' + \delta_j))

    This is unlearning as in Neural Cleanse (Wang et al. 2019), with the minimax of I-BAU (Zeng et al. 2022),
    on images that are drawn from a description of the classes.  Steps are those of Adam in the coordinates
    :math:`\theta_i / |\theta_i^0|`.  Statistics of batch norms stay.

    Attributes:
        inputs: where images are drawn from.
        config: how much.

    Law: equivariant under permutations of neurons and changes of their scales and signs, which neither change
    what the search sees nor these coordinates, up to rounding, which the search may amplify.
    """

    inputs: ClassImages
    config: UnlearningConfig = field(default_factory=UnlearningConfig)

    @property
    def name(self) -> str:
        return "trigger unlearning"

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        found = self.unlearned(architecture, theta, seed=seed)
        sound = torch.isfinite(found).all(dim=1, keepdim=True)
        return torch.where(sound, found, theta)

    def unlearned(self, architecture: Architecture, theta: Float[Tensor, "B P"], *, seed: int) -> Tensor:
        """Networks after all steps, in the precision of `theta`."""
        config, rng = self.config, generator(seed, "trigger unlearning")
        lengths = torch.linspace(config.least, config.largest, config.changes).to(theta)
        answers = self.targets(architecture, theta)[:, None].expand(-1, config.changes)
        search = DirectionSearch(architecture, answers, self.inputs.shape, smooth=config.changes // 2)
        size = theta.abs() * _trained(architecture, search.shape).to(theta)
        steps, found = _Steps(theta), theta
        for step in range(config.steps):
            clean, pictures = (
                self.inputs.draw(count, rng)[0].to(theta) for count in (config.images, config.changed_images)
            )
            kept = 1 - config.fading * torch.rand(config.changes, 1, 1, 1, 1, generator=rng).to(theta)
            with torch.no_grad():
                wanted = run(architecture, theta, torch.cat([clean, pictures])).log_softmax(-1)
            if step % config.renewal == 0:
                search.renew(rng)
                for _ in range(_FIRST_STEPS):
                    search.turn(found, kept * pictures, lengths)
            leaf = found.detach().requires_grad_()
            with torch.enable_grad():
                changed = search.turn(leaf, kept * pictures, lengths)
                own = run(architecture, leaf, clean).log_softmax(-1)
                loss = _divergence(wanted[:, : len(clean)], own).mean(1)
                away = _divergence(wanted[:, None, len(clean) :], changed).mean((1, 2))
                (gradient,) = torch.autograd.grad((loss + config.weight * away).sum(), leaf)
            rate = config.learning_rate * min(1.0, 2 * (1 - step / config.steps))
            found = found - rate * size * steps.direction(gradient * size)
        return found.detach()

    def targets(self, architecture: Architecture, theta: Float[Tensor, "B P"]) -> Int[Tensor, " B"]:
        """The class of each network that small changes of all images reach most easily."""
        classes = self.inputs.classes
        pictures, _ = self.inputs.draw(_TARGET_IMAGES, generator(0, "targets"))
        every = torch.arange(classes, device=theta.device).expand(len(theta), classes)
        search = DirectionSearch(architecture, every, self.inputs.shape)
        total = theta.new_zeros(len(theta), classes)
        for radius in _RADII:
            for _ in range(_TARGET_STEPS):
                answers = search.turn(theta, pictures.to(theta), theta.new_full((classes,), radius))
            total += toward(answers, every)
        return total.argmax(dim=1)

    def reached(
        self, architecture: Architecture, theta: Float[Tensor, "B P"], target: int
    ) -> Float[Tensor, " B"]:
        """Fraction of drawn images of other classes that one searched change brings to a class.

        Always of the same images, with changes of a root mean square of 0.12.
        """
        pictures, labels = self.inputs.draw(_REPORTED_IMAGES, generator(0, "reached classes"))
        own = torch.full((len(theta), 1), target, device=theta.device)
        search = DirectionSearch(architecture, own, self.inputs.shape)
        length, pictures = theta.new_full((1,), _REPORTED_RADIUS), pictures.to(theta)
        for _ in range(_REPORTED_STEPS + 1):
            answers = search.turn(theta, pictures, length)
        others = (labels != target).to(theta.device)
        return (answers[:, 0].argmax(-1) == target)[:, others].double().mean(1)

    def agreement(self, architecture: Architecture, theta: Float[Tensor, "B P"]) -> Float[Tensor, " B"]:
        """Fraction of drawn images that networks take for the class that they were drawn from."""
        pictures, labels = self.inputs.draw(_REPORTED_IMAGES, generator(0, "agreement"))
        with torch.no_grad():
            answers = run(architecture, theta, pictures.to(theta)).argmax(-1)
        return (answers == labels.to(theta.device)).double().mean(1)


@final
class _Steps:
    """Directions of Adam, each network by itself."""

    def __init__(self, like: Tensor) -> None:
        self._first, self._second, self._count = torch.zeros_like(like), torch.zeros_like(like), 0

    def direction(self, gradient: Tensor) -> Tensor:
        self._count += 1
        self._first = _MOMENTUM[0] * self._first + (1 - _MOMENTUM[0]) * gradient
        self._second = _MOMENTUM[1] * self._second + (1 - _MOMENTUM[1]) * gradient.square()
        mean = self._first / (1 - _MOMENTUM[0] ** self._count)
        square = self._second / (1 - _MOMENTUM[1] ** self._count)
        floor = _QUIET * square.mean(dim=1, keepdim=True).sqrt()
        return mean / (square.sqrt() + floor + _STILL)


def _divergence(wanted: Tensor, answers: Tensor) -> Tensor:
    return (wanted.exp() * (wanted - answers)).sum(-1)


def _trained(architecture: Architecture, shape: tuple[int, ...]) -> Tensor:
    """1 for what a training changes, 0 for statistics of batch norms."""
    program = program_of(architecture, shape=shape)
    kinds = {one.name: float(not one.buffer) for one in program.program.parameters}
    found = [torch.full((place.stop - place.start,), kinds[place.name]) for place in architecture.parameters]
    return torch.cat(found)
