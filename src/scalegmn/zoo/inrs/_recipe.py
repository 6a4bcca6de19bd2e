"""How sine networks are fitted to images: the published settings, and any other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Count, Positive, Widths, format_value
from scalegmn.networks import LayeredArchitecture, siren
from scalegmn.seeding import generator
from scalegmn.zoo.inrs._coordinates import Order

Initialization = Literal["uniform", "siren"]


@dataclass(frozen=True)
class InrRecipe(Configuration):
    """Settings of one fit.  The defaults are those of the published MNIST-INRs (Navon et al. 2023).

    Every network is fitted by its own Adam to the mean squared error over all pixels of its image.

    Attributes:
        hidden: widths of the sine layers.
        frequency: w in ``sin(w (W x + b))``.
        shift: constant that is added to the output.
        steps: steps of Adam, each on the full image.
        learning_rate: of Adam.
        initialization: ``"uniform"``: every weight uniform in ``±sqrt(6 / fan_in) / frequency``, biases
            zero.  ``"siren"``: the first layer's weights uniform in ``±1 / fan_in``, all others as
            before, biases uniform in ``±1 / sqrt(fan_in)`` (Sitzmann et al. 2020, with the biases that
            PyTorch gives a linear layer).
        order: of the coordinates, see :func:`~scalegmn.zoo.inrs.image_coordinates`.
        names: of the layers, as they will stand in state dicts; ``seq.0, seq.1, ...`` where empty.
    """

    hidden: Widths = (32, 32)
    frequency: Positive = 30.0
    shift: float = 0.5
    steps: Count = 1000
    learning_rate: Positive = 5e-4
    initialization: Initialization = "uniform"
    order: Order = "xy"
    names: tuple[str, ...] = ()

    def contradictions(self) -> Iterator[str]:
        if self.names and len(self.names) != len(self.hidden) + 1:
            yield f"names are {format_value(self.names)}, expected {len(self.hidden) + 1} or none"

    def architecture(self, channels: int) -> LayeredArchitecture:
        """The network for images of `channels` channels."""
        widths = (2, *self.hidden, channels)
        return siren(widths=widths, frequency=self.frequency, shift=self.shift, names=self.names)

    def bounds(self, architecture: LayeredArchitecture) -> Tensor:
        """The width b of the initial distribution, uniform in ``[-b, b)``, per parameter: ``(P,)``."""
        bounds = torch.zeros(architecture.num_parameters)
        for number, stage in enumerate(architecture.stages):
            name, fan_in = stage.weighted.name, stage.weighted.inputs
            weight = architecture.parameter(f"{name}.weight")
            bias = architecture.parameter(f"{name}.bias")
            bounds[weight.start : weight.stop] = math.sqrt(6 / fan_in) / self.frequency
            if self.initialization == "siren":
                bounds[bias.start : bias.stop] = 1 / math.sqrt(fan_in)
                if number == 0:
                    bounds[weight.start : weight.stop] = 1 / fan_in
        return bounds


CIFAR10_RECIPE = InrRecipe(
    shift=0.0, initialization="siren", order="ij", names=("net.0.linear", "net.1.linear", "net.2")
)
"""The function, initialization and names of the published CIFAR10-INRs (Zhou et al. 2023); steps and
learning rate are those of the MNIST-INRs."""


def initial_sine_parameters(
    recipe: InrRecipe,
    architecture: LayeredArchitecture,
    *,
    seed: int,
    networks: Sequence[tuple[str, int, int]],
) -> Tensor:
    """Parameters ``(B, P)`` before the fit.

    Each network has a random stream of its own, so it begins the same in whatever company it is made.

    Args:
        recipe: says how they are distributed.
        architecture: of the networks.
        seed: of the population.
        networks: per network the split of its image, the image's number in the split, and the number of
            the copy.
    """
    uniform = torch.empty(len(networks), architecture.num_parameters)
    for row, (split, image, copy) in zip(uniform, networks, strict=True):
        row.uniform_(-1, 1, generator=generator(seed, "inr", split, image, copy))
    return uniform * recipe.bounds(architecture)
