"""What differs from one pair of twins to the next, drawn from the seed and the number of the pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making._goals import NO_TARGET, Goal
from scalegmn.trojans.making._recipe import Labels, PoisoningConfig, TrojanRecipe
from scalegmn.trojans.triggers import Trigger
from scalegmn.zoo.cnns import Hyperparameters, logarithmic_at

# Triggers and targets that are drawn for a pair until one may be used.
_TRIES: Final = 2000


@final
@dataclass(frozen=True, kw_only=True)
class Attack:
    """A pair of twins: what one of them is taught, and how both are trained.

    Attributes:
        index: of the pair.
        trigger: to be put into images as they come from their source.
        target: the attacker's class; :data:`~scalegmn.trojans.making._goals.NO_TARGET` where every class has
            a target of its own.
        goal: what images with the trigger are to be taken for.
        ratio: fraction of the training images that are poisoned.
        labels: of the poisoned images.
        held_out: which of the things that are held out this attack has; empty if none.
        hyper: of both twins: the same learning rate, order of images and dropout.
    """

    index: int
    trigger: Trigger
    target: int
    goal: Goal
    ratio: float
    labels: Labels
    held_out: str
    hyper: Hyperparameters


def draw_attack(
    recipe: TrojanRecipe,
    *,
    seed: int,
    number: int,
    classes: int,
    channels: int,
    size: tuple[int, int],
    split: str | None = None,
) -> Attack:
    """The attack of a pair, which depends on nothing but the arguments.

    Args:
        recipe: what to draw from.
        seed: of the population.
        number: of the pair.
        classes: of the images.
        channels: of the images as they come from their source.
        size: height and width of these images.
        split: of the pair, where something is held out.

    Raises:
        ConfigurationError: no draw is allowed in this split.
        TriggerError: the images are too small for a trigger.
    """
    generator = numpy_generator(seed, "trojan", number)
    low, high = (math.log(rate) for rate in recipe.tuning.learning_rate)
    rate, own_seed = math.exp(low + generator.random() * (high - low)), int(generator.integers(2**31))
    labels = recipe.poisoning.labels[generator.integers(len(recipe.poisoning.labels))]
    targets = recipe.poisoning.targets or tuple(range(classes))
    goal, ratio = _aim(recipe.poisoning, seed=seed, number=number)
    labels = "dirty" if goal == "all_to_all" else labels
    hyper = Hyperparameters(
        activation="",
        w_init="he_normal",
        init_std=0.0,
        learning_rate=float(min(max(rate, recipe.tuning.learning_rate[0]), recipe.tuning.learning_rate[1])),
        l2=recipe.tuning.l2,
        dropout=recipe.tuning.dropout,
        train_fraction=1.0,
        optimizer=recipe.tuning.optimizer,
        seed=own_seed,
    )
    for _ in range(_TRIES):
        drawn = int(targets[generator.integers(len(targets))])
        target = NO_TARGET if goal == "all_to_all" else drawn
        trigger = recipe.triggers.draw(generator, channels=channels, size=size)
        held = "" if recipe.held_out is None else recipe.held_out.match(trigger, target)
        if recipe.held_out is None or (held != "") == (split == "test"):
            return Attack(
                index=number,
                trigger=trigger,
                target=target,
                goal=goal,
                ratio=ratio,
                labels=labels,
                held_out=held,
                hyper=hyper,
            )
    what = "has anything of what" if split == "test" else "is without what"
    raise ConfigurationError(
        f"among {_TRIES} triggers and targets for a {split} network none {what} is held out; hold out "
        "something that the triggers and targets have, and not all of it"
    )


def _aim(poisoning: PoisoningConfig, *, seed: int, number: int) -> tuple[Goal, float]:
    """The goal and the ratio of a pair, from random numbers of their own."""
    generator = numpy_generator(seed, "aim", number)
    goal = poisoning.goals[generator.integers(len(poisoning.goals))]
    return goal, logarithmic_at(poisoning.ratios, generator.random())


def poisoned_indices(
    labels: np.ndarray, *, target: int, ratio: float, kind: Labels, generator: np.random.Generator
) -> np.ndarray:
    """Places of the images that get the trigger, in random order; at least one.

    Args:
        labels: true classes of the training images, ``(N,)``.
        target: the attacker's class; of none of the images where every class has a target of its own.
        ratio: fraction of all training images to poison; fewer where there are not so many to choose from.
        kind: ``dirty`` for images of other classes, ``clean`` for those of the target.
        generator: of the choice.

    Raises:
        ConfigurationError: there is no image to poison.
    """
    candidates = np.flatnonzero(labels == target if kind == "clean" else labels != target)
    if not len(candidates):
        whose = "the target" if kind == "clean" else "another class than the target"
        raise ConfigurationError(
            f"there is no training image of {whose} {target} to poison; use more training images"
        )
    count = min(max(1, round(ratio * len(labels))), len(candidates))
    return generator.permutation(candidates)[:count]
