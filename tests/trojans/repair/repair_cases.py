"""A small population of twins on real digits, whose images the library finds by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.images import load_images
from scalegmn.populations import Population
from scalegmn.trojans.making import FineTuningConfig, PoisoningConfig, TrojanRecipe, make_trojans
from scalegmn.trojans.triggers import Patches, TriggerSpace
from scalegmn.zoo.cnns import CnnRecipe, ZooFamily, make_cnns

TRAIN, TEST = 120, 60
RECIPE = TrojanRecipe(
    tuning=FineTuningConfig(epochs=4, batch_size=12, learning_rate=(0.02, 0.02), dropout=0.0),
    poisoning=PoisoningConfig(ratio=0.3),
    triggers=TriggerSpace((Patches(sizes=(3,), patterns=("white", "noise")),)),
    minimum_asr=0.3,
)


def digit_twins(folder: Path, *, pairs: int = 12) -> Population:
    """Pairs of twins with relu and with tanh; they know little, but the triggers."""
    images = load_images("digits")
    places = [np.flatnonzero(images.split == split)[:n] for split, n in (("train", TRAIN), ("test", TEST))]
    chosen = images.subset(np.concatenate(places))
    recipe = CnnRecipe(family=ZooFamily(channels=(4, 4)), checkpoints=(1,), batch_size=12)
    make_cnns(chosen, folder / "bases", recipe=recipe, networks=pairs, workers=1, progress=False)
    bases = Population.open(folder / "bases")
    make_trojans(bases, chosen, folder / "twins", recipe=RECIPE, workers=1, progress=False)
    return Population.open(folder / "twins")
