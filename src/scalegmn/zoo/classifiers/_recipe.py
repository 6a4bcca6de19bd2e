"""What all networks of a population have in common, and what differs between their training runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, final

import numpy as np

from scalegmn.configuration import (
    Ascending,
    Configuration,
    Count,
    Entries,
    Limits,
    Portion,
    PositiveRange,
    Rate,
    Width,
)
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns import Optimizer, WeightInit, choice_at, logarithmic_at

from ._catalog import MODERN_DESIGNS
from ._design import ClassifierDesign

_Fraction = Annotated[float, Limits(above=0, high=1)]


@final
@dataclass(frozen=True, kw_only=True)
class ClassifierHyper:
    """How one network is started and trained.

    Attributes:
        w_init: distribution of the initial weights.
        init_scale: factor on the initial weights.
        learning_rate: of the optimizer, constant.
        l2: factor l in the loss ``cross-entropy + l * (sum of squares of the weights of maps)``.
        dropout: rate, on the features before the last linear map.
        train_fraction: fraction of the training images that this network sees.
        label_noise: fraction of them whose label is replaced by a random one, which may be the right one.
        optimizer: which.
        steps: mini-batches.
        seed: of its initialization, its share of the images, their labels, their order, and its dropout.
    """

    w_init: WeightInit
    init_scale: float
    learning_rate: float
    l2: float
    dropout: float
    train_fraction: float
    label_noise: float
    optimizer: Optimizer
    steps: int
    seed: int


@final
@dataclass(frozen=True, kw_only=True)
class ClassifierSpace(Configuration):
    """The hyper-parameters to draw from.

    Lists are drawn from with equal chances (an entry that is there twice has twice the chance), ranges
    ``(low, high)`` uniformly in the logarithm, dropout uniformly.

    Raises:
        ConfigurationError: a list is empty or names what is unknown, or a range is impossible.
    """

    w_inits: Annotated[tuple[WeightInit, ...], Entries(least=1)] = (
        "glorot_normal",
        "he_normal",
        "orthogonal",
    )
    init_scale: PositiveRange = (0.3, 3.0)
    learning_rate: PositiveRange = (1e-3, 3e-2)
    l2: PositiveRange = (1e-7, 1e-3)
    dropout: Annotated[tuple[Rate, Rate], Ascending()] = (0.0, 0.3)
    train_fractions: Annotated[tuple[_Fraction, ...], Entries(least=1)] = (0.1, 0.25, 0.5, 1.0)
    label_noise: Annotated[tuple[Portion, ...], Entries(least=1)] = (0.0, 0.0, 0.2, 0.5)
    optimizers: Annotated[tuple[Optimizer, ...], Entries(least=1)] = ("adam", "rmsprop", "sgd")
    steps: Annotated[tuple[Count, ...], Entries(least=1)] = (100, 400, 1600)

    def draw(self, generator: np.random.Generator) -> ClassifierHyper:
        """Hyper-parameters of one network; every call takes equally many random numbers."""
        chance = generator.random(9)
        return ClassifierHyper(
            w_init=choice_at(self.w_inits, chance[0]),
            init_scale=logarithmic_at(self.init_scale, chance[1]),
            learning_rate=logarithmic_at(self.learning_rate, chance[2]),
            l2=logarithmic_at(self.l2, chance[3]),
            dropout=float(self.dropout[0] + chance[4] * (self.dropout[1] - self.dropout[0])),
            train_fraction=choice_at(self.train_fractions, chance[5]),
            label_noise=choice_at(self.label_noise, chance[6]),
            optimizer=choice_at(self.optimizers, chance[7]),
            steps=choice_at(self.steps, chance[8]),
            seed=int(generator.integers(2**31)),
        )


@final
@dataclass(frozen=True, kw_only=True)
class ClassifierRecipe(Configuration):
    """What all networks of a population have in common.

    Attributes:
        designs: take turns, from network 0 on.
        space: of the hyper-parameters.
        networks_each: consecutive networks that share a design and are trained together.
        batch_size: images per step.
        judged: images that the accuracy in training is measured on, the first of those that a network saw.
        grayscale: average colors into one channel.
        image_size: height and width to which images are reduced; None to keep them.
        as_layers: networks whose layers stand in a list are stored as such, and all others as programs;
            otherwise all are stored as programs.
        name: what the column `recipe` says.
    """

    designs: Annotated[tuple[ClassifierDesign, ...], Entries(least=1)] = MODERN_DESIGNS
    space: ClassifierSpace = field(default_factory=ClassifierSpace)
    networks_each: Count = 12
    batch_size: Count = 32
    judged: Count = 1000
    grayscale: bool = True
    image_size: Width | None = 14
    as_layers: bool = False
    name: str = "modern"

    def contradictions(self) -> Iterator[str]:
        labels = [design.label for design in self.designs]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            yield f"designs has {', '.join(twice)} more than once, expected each design once"

    def hyper(self, seed: int, network: int) -> ClassifierHyper:
        """Hyper-parameters of a network, which depend on nothing but the two numbers and the space."""
        return self.space.draw(numpy_generator(seed, "classifier", network))

    def design(self, network: int) -> int:
        """The number of the design of a network."""
        return network // self.networks_each % len(self.designs)
