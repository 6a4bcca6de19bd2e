"""What differs between the training runs of small networks: the space of the Small CNN Zoo, and draws from
it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar, final

import numpy as np

from scalegmn.configuration import (
    Ascending,
    Configuration,
    Entries,
    Limits,
    PositiveRange,
    Rate,
    format_value,
)
from scalegmn.errors import ArchitectureError
from scalegmn.networks import activation_kind

Optimizer = Literal["adam", "sgd", "rmsprop"]
OPTIMIZERS: Final[tuple[Optimizer, ...]] = ("adam", "sgd", "rmsprop")

WeightInit = Literal["glorot_normal", "he_normal", "orthogonal", "normal", "truncated_normal"]
WEIGHT_INITS: Final[tuple[WeightInit, ...]] = (
    "glorot_normal",
    "he_normal",
    "orthogonal",
    "normal",
    "truncated_normal",
)
_T = TypeVar("_T")
WITH_STD: Final[tuple[WeightInit, ...]] = ("normal", "truncated_normal")
"""Initializations whose standard deviation is not given by the layer."""


@final
@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """How one network is started and trained.

    Attributes:
        activation: of the hidden layers; empty where the architecture decides it.
        w_init: distribution of the initial weights; biases are zero.
        init_std: standard deviation of `w_init`, 0 where the layer gives it.
        learning_rate: of the optimizer, constant.
        l2: factor l in the loss ``cross-entropy + l * (sum of squares of all weights without biases)``.
        dropout: rate, on single values, behind each hidden activation.
        train_fraction: fraction of the training images that this network sees.
        optimizer: which.
        seed: of its initialization, its share of the images, their order and its dropout.
    """

    activation: str
    w_init: WeightInit
    init_std: float
    learning_rate: float
    l2: float
    dropout: float
    train_fraction: float
    optimizer: Optimizer
    seed: int


_Fraction = Annotated[float, Limits(above=0, high=1)]


@final
@dataclass(frozen=True, kw_only=True)
class HyperSpace(Configuration):
    """The hyper-parameters to draw from.  The defaults are those of the Small CNN Zoo.

    Lists are drawn from with equal chances, ranges ``(low, high)`` uniformly in the logarithm, dropout
    uniformly.  Source: Unterthiner et al. 2020, "Predicting Neural Network Accuracy from Weights".

    Raises:
        ConfigurationError: a list is empty or names what is unknown, or a range is impossible.
    """

    activations: Annotated[tuple[str, ...], Entries(least=1)] = ("relu", "tanh")
    w_inits: Annotated[tuple[WeightInit, ...], Entries(least=1)] = WEIGHT_INITS
    init_std: PositiveRange = (1e-3, 1.0)
    learning_rate: PositiveRange = (5e-4, 5e-2)
    l2: PositiveRange = (1e-8, 1e-2)
    dropout: Annotated[tuple[Rate, Rate], Ascending()] = (0.0, 0.7)
    train_fractions: Annotated[tuple[_Fraction, ...], Entries(least=1)] = (0.1, 0.25, 0.5, 1.0)
    optimizers: Annotated[tuple[Optimizer, ...], Entries(least=1)] = OPTIMIZERS

    def contradictions(self) -> Iterator[str]:
        for activation in self.activations:
            try:
                activation_kind(activation)
            except ArchitectureError as error:
                yield f"activations is {format_value(self.activations)}: {error}"

    def draw(self, generator: np.random.Generator) -> Hyperparameters:
        """Hyper-parameters of one network; every call takes equally many random numbers."""
        chance = generator.random(8)
        w_init = choice_at(self.w_inits, chance[1])
        init_std = logarithmic_at(self.init_std, chance[2])
        return Hyperparameters(
            activation=choice_at(self.activations, chance[0]),
            w_init=w_init,
            init_std=init_std if w_init in WITH_STD else 0.0,
            learning_rate=logarithmic_at(self.learning_rate, chance[3]),
            l2=logarithmic_at(self.l2, chance[4]),
            dropout=float(self.dropout[0] + chance[5] * (self.dropout[1] - self.dropout[0])),
            train_fraction=choice_at(self.train_fractions, chance[6]),
            optimizer=choice_at(self.optimizers, chance[7]),
            seed=int(generator.integers(2**31)),
        )


def choice_at(choices: tuple[_T, ...], chance: float) -> _T:
    """One of the choices, all equally likely for a uniform random number in [0, 1)."""
    return choices[int(chance * len(choices))]


def logarithmic_at(bounds: tuple[float, float], chance: float) -> float:
    """A number between the bounds, uniform in the logarithm for a uniform random number in [0, 1)."""
    low, high = math.log(bounds[0]), math.log(bounds[1])
    return float(min(max(math.exp(low + chance * (high - low)), bounds[0]), bounds[1]))
