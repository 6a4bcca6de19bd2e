"""Images and recipes that the tests of the maker of convolutional networks share."""

from __future__ import annotations

import numpy as np

from scalegmn.images import ImageSet
from scalegmn.zoo.cnns import CnnRecipe, HyperSpace, MixedFamily, WildSpace, ZooFamily

CLASSES = 3
# Rates at which nothing diverges, and fractions of which even the smallest fills a mini-batch.
TAME = HyperSpace(
    learning_rate=(1e-3, 1e-2), init_std=(0.05, 0.3), train_fractions=(0.5, 1.0), dropout=(0.0, 0.4)
)
ZOO = CnnRecipe(family=ZooFamily(channels=(3, 4)), space=TAME, checkpoints=(0, 2), batch_size=8)
MIXED = CnnRecipe(
    family=MixedFamily(
        space=WildSpace(depths=(2, 3), channels=(2, 3), kernel_sizes=(1, 3), residual=0.5), networks_each=2
    ),
    space=TAME,
    checkpoints=(1,),
    batch_size=8,
)


def some_images(train: int = 24, test: int = 10, *, color: bool = False, seed: int = 0) -> ImageSet:
    """Random images of 8 x 8 pixels; training images come first."""
    rng = np.random.default_rng(seed)
    count = train + test
    shape = (count, 8, 8, 3) if color else (count, 8, 8)
    split = np.array(["train"] * train + ["test"] * test)
    return ImageSet(rng.integers(0, 256, shape, np.uint8), np.arange(count) % CLASSES, split, "random")
