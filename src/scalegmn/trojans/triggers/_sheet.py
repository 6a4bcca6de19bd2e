"""Triggers as pictures: images without and with the triggers of a population of trojaned networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure

from scalegmn.images import ImageSet
from scalegmn.populations import Population
from scalegmn.reports import ContactSheetError, contact_sheet
from scalegmn.trojans.triggers._stored import triggers_of
from scalegmn.trojans.triggers._trigger import Trigger

SHOWN: Final = 12


def trigger_sheet(
    images: ImageSet, triggers: Sequence[Trigger], targets: Sequence[int], *, title: str = ""
) -> Figure:
    """One column per trigger: an image, the image with the trigger, and the difference.

    The images are test images (training images where there are none) of other classes than the target.

    Args:
        images: as they come from their source.
        triggers: 1 to 16.
        targets: the attacker's class of each.
        title: above the picture.

    Raises:
        ContactSheetError: too many triggers or none, or no image of another class than a target.
        TriggerError: a trigger does not fit the images.
    """
    test = np.flatnonzero(images.split == "test")
    places = test if len(test) else np.arange(len(images))
    clean, triggered = [], []
    for number, (trigger, target) in enumerate(zip(triggers, targets, strict=True)):
        other = places[images.labels[places] != target]
        if not len(other):
            raise ContactSheetError(f"{images.name}: no image is of another class than the target {target}")
        pixels = images.subset(other[number % len(other) : number % len(other) + 1]).unit()
        pixels = pixels[:, None] if pixels.ndim == 3 else pixels.movedim(3, 1)
        clean.append(_as_picture(pixels[0]))
        triggered.append(_as_picture(trigger.apply(pixels)[0]))
    if not clean:
        raise ContactSheetError("0 triggers; expected 1 or more on a sheet")
    captions = [
        f"{_caption(trigger)}\nto {target}" for trigger, target in zip(triggers, targets, strict=True)
    ]
    return contact_sheet(
        np.stack(clean),
        None,
        np.stack(triggered),
        title=title,
        captions=captions,
        names=("clean", "target", "triggered"),
    )


def population_sheet(population: Population, images: ImageSet, *, title: str = "") -> Figure:
    """The triggers of the first trojaned networks of a population, all kinds in turn.

    Args:
        population: as :func:`~scalegmn.trojans.making.make_trojans` writes it.
        images: that its networks were trained on.
        title: above the picture.

    Raises:
        PopulationError: the population has no triggers.
        ContactSheetError: it has no networks.
    """
    rows = np.flatnonzero(population.column("poisoned"))
    kinds = population.column("trigger_kind")[rows]
    # How many of its kind stand before each: first one of every kind, then a second one.
    turn = np.array([int((kinds[:place] == kind).sum()) for place, kind in enumerate(kinds)], np.int64)
    chosen = rows[np.lexsort((kinds.astype(str), turn))[:SHOWN]]
    targets = population.column("target")[chosen].tolist()
    return trigger_sheet(images, triggers_of(population, chosen), targets, title=title)


def _as_picture(image: torch.Tensor) -> np.ndarray:
    """Rearrange ``(C, H, W)`` to ``(H, W)`` or ``(H, W, 3)``."""
    return (image[0] if len(image) == 1 else image.movedim(0, 2)).numpy()


def _caption(trigger: Trigger) -> str:
    words = [trigger.kind.replace("_", "\n")]
    if trigger.size:
        words.append(f"{trigger.pattern} {trigger.size}")
    return "\n".join(words)
