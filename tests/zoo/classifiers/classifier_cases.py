"""Images and recipes that the tests of the maker of classifiers share."""

from __future__ import annotations

import numpy as np

from scalegmn.zoo.classifiers import (
    ClassifierRecipe,
    ClassifierSpace,
    ConvolutionalDesign,
    ResidualDesign,
    TransformerDesign,
)

RESIDUAL = ResidualDesign(widths=(2, 3))
CONVOLUTIONAL = ConvolutionalDesign(channels=(2, 3), activation="tanh", shrink="max")
TRANSFORMER = TransformerDesign(width=4, depth=1, heads=2, patch=4, stride=2, hidden=5, class_token=True)
SPACE = ClassifierSpace(
    train_fractions=(0.5, 1.0), steps=(2, 5), learning_rate=(1e-3, 1e-2), label_noise=(0.0, 0.5)
)
RECIPE = ClassifierRecipe(
    designs=(RESIDUAL, TRANSFORMER), space=SPACE, networks_each=2, batch_size=8, judged=10, image_size=None
)


def dice(seed: int) -> np.random.Generator:
    """Random numbers to draw hyper-parameters from."""
    return np.random.default_rng(seed)
