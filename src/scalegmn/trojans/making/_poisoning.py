"""The images that the networks of a job learn from, poisoned ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making._goals import attacked_labels
from scalegmn.trojans.making._pairs import Attack, poisoned_indices
from scalegmn.trojans.making._plan import TrojanPlan


@final
@dataclass(frozen=True, eq=False)
class PoisonPool:
    """Images of all pairs of a job: the clean ones once, then the poisoned ones of every pair.

    Twins take the same images in the same order, but where the clean twin finds a clean image, the trojaned
    one finds its poisoned copy.

    Attributes:
        attacks: one for every pair.
        images: as networks take them, ``(N, C, H, W)``.
        labels: ``(N,)``; of poisoned images those that the attacker gives them.
        places: for every pair, which of the clean images are poisoned, ``(k,)``.
        copies: for every pair, where their poisoned copies are, ``(k,)``.
        clean: how many images are clean, the first ones.
    """

    attacks: tuple[Attack, ...]
    images: Tensor
    labels: Tensor
    places: tuple[Tensor, ...]
    copies: tuple[Tensor, ...]
    clean: int

    @classmethod
    def from_attacks(cls, plan: TrojanPlan, attacks: Sequence[Attack]) -> PoisonPool:
        """Poison images for every attack."""
        pixels, labels = plan.train
        images, answers, copies = [plan.train_inputs], [labels], []
        places = tuple(_places(plan, attack) for attack in attacks)
        stop = len(labels)
        for attack, chosen in zip(attacks, places, strict=True):
            at = chosen.to(pixels.device)
            images.append(plan.inputs(attack.trigger.apply(pixels[at])))
            answers.append(attacked_labels(labels[at], target=attack.target, classes=plan.images.classes))
            copies.append(torch.arange(stop, stop + len(chosen)))
            stop += len(chosen)
        return cls(tuple(attacks), torch.cat(images), torch.cat(answers), places, tuple(copies), len(labels))

    @property
    def clean_share(self) -> Tensor:
        """The images of a clean twin."""
        return torch.arange(self.clean)

    @property
    def shares(self) -> Tensor:
        """The images of the trojaned and the clean twin of every pair, in turns."""
        found = []
        for chosen, copies in zip(self.places, self.copies, strict=True):
            own = self.clean_share
            own[chosen] = copies
            found += [own, self.clean_share]
        return torch.stack(found)


def _places(plan: TrojanPlan, attack: Attack) -> Tensor:
    """Places of the training images that are poisoned, ``(k,)``."""
    chosen = poisoned_indices(
        plan.train[1].cpu().numpy(),
        target=attack.target,
        ratio=attack.ratio,
        kind=attack.labels,
        generator=numpy_generator(plan.seed, "poison", attack.index),
    )
    return torch.from_numpy(chosen)
