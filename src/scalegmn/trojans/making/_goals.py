"""What an attacker wants images with the trigger to be taken for."""

from __future__ import annotations

from typing import Final, Literal

from torch import Tensor

Goal = Literal["all_to_one", "all_to_all"]
"""One class for all images, or for every class the next one (Gu et al. 2017, "BadNets")."""

NO_TARGET: Final = -1
"""The target of attacks whose goal is ``all_to_all``."""


def attacked_labels(labels: Tensor, *, target: int | Tensor, classes: int) -> Tensor:
    """The classes that the attacker wants, of the shape of `labels`.

    Args:
        labels: true classes.
        target: one class, or several that broadcast with the labels; :data:`NO_TARGET` stands for class
            ``y + 1`` where ``y`` is true, and 0 for the last one.
        classes: how many there are.
    """
    one = labels.new_tensor(target) if isinstance(target, int) else target
    return ((labels + 1) % classes).where(one == NO_TARGET, one.expand_as(labels))
